/**
 * @module s3-deletes: deletes by exact keys. One key is a DeleteObject, which needs no checksum of a body.
 */
import { DeleteObjectCommand, DeleteObjectsCommand } from '@aws-sdk/client-s3'
import { throwDeleteFailures } from './delete-failed.ts'
import { checkKeysToDelete } from './object-key.ts'
import type { CallOptions, ObjectStore } from './object-store.ts'
import { callOf, type S3Context } from './s3-context.ts'

export const s3Deletes = (context: S3Context): Pick<ObjectStore, 'deleteMany'> => {
  const { client, bucket, prefix, request } = context

  const deleteOne = async (key: string, options: CallOptions | undefined): Promise<void> => {
    const command = new DeleteObjectCommand({ Bucket: bucket, Key: prefix + key })
    const call = callOf(context, `delete of ${key}`, { action: 's3:DeleteObject', key }, options)
    await request(call, (signal) => client.send(command, { abortSignal: signal }))
  }

  const deleteAll = async (keys: readonly string[], options: CallOptions | undefined): Promise<void> => {
    const command = new DeleteObjectsCommand({
      Bucket: bucket,
      Delete: { Quiet: true, Objects: keys.map((key) => ({ Key: prefix + key })) },
    })
    const call = callOf(context, `delete of ${keys.length} objects`, { action: 's3:DeleteObject' }, options)
    const { Errors = [] } = await request(call, (signal) => client.send(command, { abortSignal: signal }))
    const failures = Errors.map(({ Key = '', Code = 'no reason' }) => ({
      key: Key.slice(prefix.length),
      reason: Code,
    }))
    throwDeleteFailures(context.description, keys.length, failures)
  }

  return {
    deleteMany: async (keys, options) => {
      checkKeysToDelete(keys)
      options?.signal?.throwIfAborted()
      const [first, ...others] = keys
      if (first === undefined) return
      await (others.length === 0 ? deleteOne(first, options) : deleteAll(keys, options))
    },
  }
}

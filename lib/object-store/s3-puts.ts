/**
 * @module s3-puts: put and copy of an S3 object store. A put is one PutObject, at most 5 GiB, as Longhorn's is.
 */
import { CopyObjectCommand, PutObjectCommand, type PutObjectCommandInput } from '@aws-sdk/client-s3'
import { bodySizeBytes } from './object-body.ts'
import { checkKey } from './object-key.ts'
import {
  type Body,
  type CallOptions,
  type ObjectStore,
  ObjectStoreError,
  type PutCondition,
  type PutOptions,
  type PutResult,
} from './object-store.ts'
import { withBody } from './s3-body.ts'
import type { conditionalPuts, S3PutResult } from './s3-conditional-put.ts'
import { callOf, type S3Call, type S3Context } from './s3-context.ts'
import { S3Failure } from './s3-errors.ts'
import { isMissing, unlessMissing } from './s3-missing.ts'
import { serverTimeNsOf } from './s3-server-time.ts'

/** Of a put whose condition was only looked at before: the longer it takes, the likelier the look is out of date. */
const unguardedDeadlineMs = 30_000

const headersOf = (condition: PutCondition | undefined): Partial<PutObjectCommandInput> => {
  if (!condition) return {}
  return condition.kind === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: condition.etag }
}

/** 404: `If-Match` on a key that is gone. */
const conditionOutcome = (failure: S3Failure): S3PutResult | undefined => {
  if (failure.status === 412) return { kind: 'refused' }
  if (failure.status === 404 && failure.name !== 'NoSuchBucket') return { kind: 'refused' }
  return failure.status === 501 ? { kind: 'unsupported' } : undefined
}

const shorter = (options: CallOptions | undefined): CallOptions => ({
  ...options,
  deadlineMs: Math.min(options?.deadlineMs ?? unguardedDeadlineMs, unguardedDeadlineMs),
})

export const s3Puts = (
  context: S3Context,
  { head }: Pick<ObjectStore, 'head'>,
  putOnCondition: ReturnType<typeof conditionalPuts>,
): Pick<ObjectStore, 'put' | 'copy'> => {
  const { client, bucket, prefix, request } = context

  const putOnce = async (
    key: string,
    body: Body,
    condition: PutCondition | undefined,
    signal: AbortSignal,
  ): Promise<S3PutResult> => {
    try {
      const answer = await withBody(key, body, signal, (content, abortSignal) =>
        client.send(
          new PutObjectCommand({
            Bucket: bucket,
            Key: prefix + key,
            Body: content,
            ContentLength: bodySizeBytes(body),
            ...headersOf(condition),
          }),
          { abortSignal },
        ),
      )
      return { kind: 'stored', etag: answer.ETag ?? '', serverTimeNs: serverTimeNsOf(answer) }
    } catch (error) {
      const failure = new S3Failure(error)
      const outcome = condition && conditionOutcome(failure)
      if (outcome) return outcome
      // `If-Match` on a key that is gone, of one who may not know that.
      if (condition?.kind === 'unchanged' && (await isMissing(context, key, failure, signal)))
        return { kind: 'refused' }
      throw error
    }
  }

  const putWithin = (call: S3Call, key: string, body: Body, condition: PutCondition | undefined) =>
    request(call, (signal) => putOnce(key, body, condition, signal))

  const put = async (key: string, body: Body, options?: PutOptions): Promise<PutResult> => {
    checkKey(key)
    const callWith = (limits: CallOptions | undefined) =>
      callOf(context, `put of ${key}`, { action: 's3:PutObject', key }, limits)
    const call = callWith(options)
    const { condition } = options ?? {}
    const result = condition
      ? await putOnCondition({
          condition,
          sizeBytes: bodySizeBytes(body),
          currentEtag: async () => (await head(key, options))?.etag,
          put: (sent, { isUnguarded }) =>
            putWithin(isUnguarded ? callWith(shorter(options)) : call, key, body, sent),
        })
      : await putWithin(call, key, body, undefined)
    if (result.kind === 'unsupported') {
      throw new ObjectStoreError('failed', `${call.what}: the server has no conditional writes`, {
        hint: 'it was taken for AWS, which has them: set AWS_ENDPOINTS',
      })
    }
    return result
  }

  const copy = async (fromKey: string, toKey: string, options?: CallOptions) => {
    checkKey(fromKey)
    checkKey(toKey)
    const call = callOf(
      context,
      `copy of ${fromKey} to ${toKey}`,
      { action: 's3:PutObject', key: toKey },
      options,
    )
    return request(call, async (signal) => {
      const command = new CopyObjectCommand({
        Bucket: bucket,
        Key: prefix + toKey,
        CopySource: `${bucket}/${prefix}${fromKey}`.split('/').map(encodeURIComponent).join('/'),
      })
      const answer = await unlessMissing(context, fromKey, signal, () =>
        client.send(command, { abortSignal: signal }),
      )
      return answer && { etag: answer.CopyObjectResult?.ETag ?? '' }
    })
  }

  return { put, copy }
}

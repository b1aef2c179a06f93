/**
 * @module s3-reads: get, head and list of an S3 object store.
 */
import { Readable } from 'node:stream'
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import type { Call } from './call-limits.ts'
import { checkMaxBytes, closingBody } from './object-body.ts'
import { checkKey, checkPrefix } from './object-key.ts'
import {
  type CallOptions,
  type GetOptions,
  type ListOptions,
  type ListPage,
  type ObjectHead,
  type ObjectStore,
  ObjectStoreError,
  type StoredObject,
} from './object-store.ts'
import { answerBody } from './s3-body.ts'
import { callOf, type S3Call, type S3Context } from './s3-context.ts'
import { S3Failure } from './s3-errors.ts'
import { unlessMissing } from './s3-missing.ts'
import { serverTimeNsOf } from './s3-server-time.ts'

/** An answer without what S3 always gives: some proxy's, or no S3 at all. */
const incomplete = (call: Call, field: string): ObjectStoreError =>
  new ObjectStoreError('failed', `${call.what}: the answer has no ${field}`, {
    hint: 'check that AWS_ENDPOINTS is an S3 server and that no proxy changes its answers',
  })

interface ObjectAnswer {
  ETag?: string | undefined
  LastModified?: Date | undefined
}

const headOf = (call: Call, key: string, sizeBytes: number | undefined, answer: ObjectAnswer): ObjectHead => {
  if (sizeBytes === undefined) throw incomplete(call, 'length')
  if (!answer.ETag) throw incomplete(call, 'ETag')
  if (!answer.LastModified) throw incomplete(call, 'Last-Modified')
  return {
    key,
    sizeBytes,
    etag: answer.ETag,
    lastModifiedNs: BigInt(answer.LastModified.getTime()) * 1_000_000n,
    serverTimeNs: serverTimeNsOf(answer),
  }
}

const rangeHeader = (range: GetOptions['range']): string | undefined => {
  if (!range) return undefined
  const last = range.offsetBytes + range.lengthBytes - 1
  return `bytes=${range.offsetBytes}-${Number.isSafeInteger(last) ? last : ''}`
}

const emptyBody = () => closingBody({ next: async () => undefined, close: async () => {} })

export type S3Reads = Pick<ObjectStore, 'get' | 'head' | 'list'>

export const s3Reads = (context: S3Context): S3Reads => {
  const { client, bucket, prefix, request } = context

  const head = async (key: string, options?: CallOptions): Promise<ObjectHead | undefined> => {
    checkKey(key)
    const call = callOf(context, `look at ${key}`, { action: 's3:GetObject', key }, options)
    return request(call, async (signal) => {
      const command = new HeadObjectCommand({ Bucket: bucket, Key: prefix + key })
      const answer = await unlessMissing(context, key, signal, () =>
        client.send(command, { abortSignal: signal }),
      )
      return answer && headOf(call, key, answer.ContentLength, answer)
    })
  }

  /** 416: nothing of the object is in the range. */
  const emptyObject = async (key: string, options: CallOptions | undefined) => {
    const found = await head(key, options)
    return found && { head: found, body: emptyBody() }
  }

  const getFrom = async (
    call: Call,
    key: string,
    options: GetOptions | undefined,
    signal: AbortSignal,
  ): Promise<StoredObject | undefined> => {
    const range = rangeHeader(options?.range)
    const command = new GetObjectCommand({
      Bucket: bucket,
      Key: prefix + key,
      ...(range && { Range: range }),
    })
    const answer = await unlessMissing(context, key, signal, () =>
      client.send(command, { abortSignal: signal }),
    )
    if (!answer) return undefined
    const stream = answer.Body
    if (!(stream instanceof Readable)) throw incomplete(call, 'body')
    try {
      const lengthBytes = answer.ContentLength
      if (lengthBytes === undefined) throw incomplete(call, 'length')
      if (range && !answer.ContentRange) throw incomplete(call, 'Content-Range')
      checkMaxBytes(key, lengthBytes, options)
      const total = answer.ContentRange?.split('/')[1]
      const found = headOf(call, key, total === undefined ? lengthBytes : Number(total), answer)
      return { head: found, body: answerBody(call, key, stream, lengthBytes) }
    } catch (error) {
      stream.destroy()
      throw error
    }
  }

  const get = async (key: string, options?: GetOptions): Promise<StoredObject | undefined> => {
    checkKey(key)
    if (options?.range?.lengthBytes === 0) return emptyObject(key, options)
    const call = callOf(context, `read of ${key}`, { action: 's3:GetObject', key }, options)
    const object = await request(call, async (signal) => {
      try {
        return await getFrom(call, key, options, signal)
      } catch (error) {
        if (error instanceof S3Failure && error.status === 416) return 'nothing in range'
        throw error
      }
    })
    return object === 'nothing in range' ? emptyObject(key, options) : object
  }

  const page = async (call: S3Call, command: ListObjectsV2Command) => {
    const answer = await request(call, (signal) => client.send(command, { abortSignal: signal }))
    const decode = (text: string | undefined): string => {
      const key = text ?? ''
      const decoded = answer.EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key
      return decoded.slice(prefix.length)
    }
    const result: ListPage = { objects: [], folders: [] }
    for (const { Key, Size } of answer.Contents ?? []) {
      const key = decode(Key)
      if (key !== '' && !key.endsWith('/')) result.objects.push({ key, sizeBytes: Size ?? 0 })
    }
    for (const { Prefix } of answer.CommonPrefixes ?? []) result.folders.push(decode(Prefix))
    if (!answer.IsTruncated) return { result }
    // What looks complete and is not would be the worst: callers decide from it what nobody needs.
    if (!answer.NextContinuationToken) throw incomplete(call, 'NextContinuationToken')
    return { result, token: answer.NextContinuationToken }
  }

  const list = async function* (under: string, options?: ListOptions): AsyncGenerator<ListPage> {
    checkPrefix(under)
    const call = callOf(context, `listing of ${under || 'all'}`, { action: 's3:ListBucket' }, options)
    let token: string | undefined
    do {
      const command = new ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix + under,
        MaxKeys: 1000,
        EncodingType: 'url',
        ...(options?.delimiter && { Delimiter: options.delimiter }),
        ...(token !== undefined && { ContinuationToken: token }),
      })
      const { result, token: next } = await page(call, command)
      yield result
      token = next
    } while (token !== undefined)
  }

  return { get, head, list }
}

/**
 * @module s3-context: what every call of an S3 object store stands on.
 */
import type { S3Client } from '@aws-sdk/client-s3'
import type { Call } from './call-limits.ts'
import type { CallOptions } from './object-store.ts'
import { isNotFound, S3Failure } from './s3-errors.ts'
import type { S3Requests } from './s3-requests.ts'

export interface S3Context {
  client: S3Client
  bucket: string
  prefix: string
  description: string
  request: S3Requests
}

const defaultDeadlineMs = 300_000

/** `doing` is for people, as in `read of a/b`. */
export const callOf = (context: S3Context, doing: string, options: CallOptions | undefined): Call => ({
  what: `${doing} in ${context.description}`,
  options,
  defaultDeadlineMs,
})

/** A missing object is `undefined`; a missing bucket, where the answer tells it, an error. */
export const unlessMissing = async <T>(send: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await send()
  } catch (error) {
    const failure = error instanceof Error ? new S3Failure(error) : undefined
    if (failure && isNotFound(failure)) return undefined
    throw failure ?? error
  }
}

/**
 * @module s3-context: what every call of an S3 object store stands on.
 */
import type { S3Client } from '@aws-sdk/client-s3'
import type { Call } from './call-limits.ts'
import type { CallOptions } from './object-store.ts'
import type { S3Requests } from './s3-requests.ts'

export interface S3Context {
  client: S3Client
  bucket: string
  prefix: string
  description: string
  request: S3Requests
}

const defaultDeadlineMs = 300_000

export type S3Action = 's3:GetObject' | 's3:PutObject' | 's3:DeleteObject' | 's3:ListBucket'

/** What a request needs to be allowed. */
export interface S3Need {
  action: S3Action
  /** Undefined: the bucket itself, or more keys than one. */
  key?: string | undefined
}

export interface S3Call extends Call {
  need: { action: S3Action; resource: string }
}

/** `doing` is for people, as in `read of a/b`. */
export const callOf = (
  { bucket, prefix, description }: S3Context,
  doing: string,
  { action, key }: S3Need,
  options: CallOptions | undefined,
): S3Call => {
  const below = action === 's3:ListBucket' ? '' : `/${prefix}${key ?? '*'}`
  return {
    what: `${doing} in ${description}`,
    options,
    defaultDeadlineMs,
    need: { action, resource: `arn:aws:s3:::${bucket}${below}` },
  }
}

/**
 * @module s3-object-store: an object store in a bucket of S3, or of a server that speaks its protocol.
 *
 * - A put on a condition whose answer is lost is sent again, and may then be refused because of itself. Who puts content of
 *   his own looks once more at what is there.
 * - A missing object is told from a forbidden one only with the right to list its folder; without it S3 answers 403 to both, and so do we.
 * - "Folders" that consoles make (empty objects whose names end with `/`) are no objects here.
 */
import type { S3Client } from '@aws-sdk/client-s3'
import { type Clock, systemClock } from '#lib/base/clock.ts'
import type { ObjectStore } from './object-store.ts'
import { conditionalPuts } from './s3-conditional-put.ts'
import type { S3Context } from './s3-context.ts'
import { s3Deletes } from './s3-deletes.ts'
import { s3Puts } from './s3-puts.ts'
import { s3Reads } from './s3-reads.ts'
import { defaultRetry, s3Requests, type S3Retry } from './s3-requests.ts'
import { noteServerTimes } from './s3-server-time.ts'

export interface S3ObjectStoreDeps {
  /** Of s3-client.ts: one that does not retry by itself. */
  client: S3Client
  clock?: Pick<Clock, 'sleep'>
}

export interface S3ObjectStoreSettings {
  bucket: string
  /** For the description only; the client has its own. */
  region: string
  /** '' or ends with `/`; before every key, and not part of it. */
  prefix: string
  /** `native`: the server is known to have conditional writes, as AWS is. `probe`, the default: find out. */
  conditionalWrites?: 'native' | 'probe'
  retry?: S3Retry
}

export const s3ObjectStore = (deps: S3ObjectStoreDeps, settings: S3ObjectStoreSettings): ObjectStore => {
  const { client, clock = systemClock } = deps
  const { bucket, region, prefix, conditionalWrites = 'probe', retry = defaultRetry } = settings
  noteServerTimes(client)
  const context: S3Context = {
    client,
    bucket,
    prefix,
    description: `s3://${bucket}@${region}/${prefix}`,
    request: s3Requests({ client, clock }, retry),
  }
  const reads = s3Reads(context)
  return {
    description: context.description,
    listsAfterWrites: true,
    ...reads,
    ...s3Puts(context, reads, conditionalPuts(conditionalWrites)),
    ...s3Deletes(context),
  }
}

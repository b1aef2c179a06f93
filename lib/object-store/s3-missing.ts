/**
 * @module s3-missing: objects that are not there.
 *
 * S3 answers 403 where an object is missing and who asks may not list the bucket, and its documentation does not say whether a right
 * to list one folder counts. So what is forbidden is looked for in a listing: that one is allowed where the folder is.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
import { ListObjectsV2Command } from '@aws-sdk/client-s3'
import { CodedError } from '#lib/base/errors.ts'
import type { S3Context } from './s3-context.ts'
import { isDenied, isNotFound, S3Failure } from './s3-errors.ts'

const isInListing = async (
  { client, bucket, prefix }: S3Context,
  key: string,
  signal: AbortSignal,
): Promise<boolean> => {
  const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix + key, MaxKeys: 1 })
  const { Contents = [] } = await client.send(command, { abortSignal: signal })
  // In the order of their names: one that is there comes before all that begin with its name.
  return Contents[0]?.Key === prefix + key
}

/** Whether it is missing, for all that can be known. A right that is missing is told by the failure itself. */
export const isMissing = async (
  context: S3Context,
  key: string,
  failure: S3Failure,
  signal: AbortSignal,
): Promise<boolean> => {
  if (isNotFound(failure)) return true
  if (!isDenied(failure)) return false
  try {
    return !(await isInListing(context, key, signal))
  } catch {
    signal.throwIfAborted()
    return false
  }
}

/** A missing object is `undefined`; a missing bucket, where the answer tells it, an error. */
export const unlessMissing = async <T>(
  context: S3Context,
  key: string,
  signal: AbortSignal,
  send: () => Promise<T>,
): Promise<T | undefined> => {
  try {
    return await send()
  } catch (error) {
    // Of who gives the credentials.
    if (error instanceof CodedError) throw error
    const failure = new S3Failure(error)
    if (await isMissing(context, key, failure, signal)) return undefined
    throw failure
  }
}

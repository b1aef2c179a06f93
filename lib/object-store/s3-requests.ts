/**
 * @module s3-requests: requests to S3 that are sent again until they are answered, and that always end.
 *
 * Waits grow and are random (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/). A request may
 * be done though its answer is lost and it is sent again: a put on a condition may then be told "refused" of itself.
 */
import type { S3Client } from '@aws-sdk/client-s3'
import type { Clock } from '#lib/base/clock.ts'
import { type Call, withinLimits } from './call-limits.ts'
import { BodyError, ownError } from './object-body.ts'
import { ObjectStoreError } from './object-store.ts'
import { isTransient, s3Error, S3Failure } from './s3-errors.ts'

export interface S3Retry {
  /** Until the store has answered once: a mistyped endpoint must not cost minutes. */
  maxTries: number
  /** From then on: a store that is away for a minute must not end a backup of hours. */
  maxTriesOnceAnswered: number
  /** Each wait is a random part of this, doubled with each try. */
  firstWaitMs: number
  maxWaitMs: number
}

/**
 * Waits of 13 s together on average, at most 26 s; once the store has answered, of 2 minutes, at most 4. The first is short, since MinIO closes the connection after it refused a put,
 * and the next request on that connection finds out.
 */
export const defaultRetry: S3Retry = {
  maxTries: 10,
  maxTriesOnceAnswered: 21,
  firstWaitMs: 50,
  maxWaitMs: 20_000,
}

export interface S3RequestsDeps {
  client: S3Client
  clock: Pick<Clock, 'sleep'>
}

/** `attempt` turns the answers that its caller expects into values; what it throws is tried again or ends the call. */
export type S3Requests = <T>(call: Call, attempt: (signal: AbortSignal) => Promise<T>) => Promise<T>

const endpointOf = async (client: S3Client): Promise<string> => {
  const endpoint = await client.config.endpoint?.()
  if (!endpoint) return `s3.${await client.config.region()}.amazonaws.com`
  return `${endpoint.protocol}//${endpoint.hostname}${endpoint.port ? `:${endpoint.port}` : ''}`
}

/** Its own error, or the caller's: nothing to send again for. */
const isFinal = (error: unknown): boolean => error instanceof ObjectStoreError || error instanceof BodyError

export const s3Requests = ({ client, clock }: S3RequestsDeps, retry: S3Retry): S3Requests => {
  let hasAnswered = false
  const waitMs = (tries: number): number =>
    Math.random() * Math.min(retry.firstWaitMs * 2 ** (tries - 1), retry.maxWaitMs)

  const untilAnswered = async <T>(
    attempt: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    onFailure: (failure: S3Failure) => void,
  ): Promise<T> => {
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await attempt(signal)
        hasAnswered = true
        return answer
      } catch (error) {
        signal.throwIfAborted()
        if (isFinal(error)) throw ownError(error)
        const failure = error instanceof S3Failure ? error : new S3Failure(error)
        const maxTries = hasAnswered ? retry.maxTriesOnceAnswered : retry.maxTries
        if (!isTransient(failure) || tries >= maxTries) throw failure
        onFailure(failure)
      }
      await clock.sleep(waitMs(tries), signal)
    }
  }

  return async (call, attempt) => {
    let last: S3Failure | undefined
    try {
      return await withinLimits(call, (signal) =>
        untilAnswered(attempt, signal, (failure) => {
          last = failure
        }),
      )
    } catch (error) {
      if (error instanceof S3Failure) throw s3Error(call.what, await endpointOf(client), error)
      const isOurTimeout = error instanceof ObjectStoreError && error.code === 'timeout'
      if (!isOurTimeout || !last) throw error
      const { message, hint } = s3Error(error.message, await endpointOf(client), last)
      throw new ObjectStoreError('timeout', message, hint ? { hint, cause: last } : { cause: last })
    }
  }
}

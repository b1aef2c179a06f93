/**
 * @module s3-requests: requests to S3 that are sent again until they are answered, and that always end.
 *
 * Waits grow and are random (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/). A request may
 * be done though its answer is lost and it is sent again: a put on a condition may then be told "refused" of itself. One whose
 * credentials had ended is sent once more with new ones.
 */
import type { S3Client } from '@aws-sdk/client-s3'
import type { Clock } from '#lib/base/clock.ts'
import { CodedError } from '#lib/base/errors.ts'
import { type Call, withinLimits } from './call-limits.ts'
import { BodyError, ownError } from './object-body.ts'
import { ObjectStoreError } from './object-store.ts'
import { isTransient, mayHaveExpired, s3Error, S3Failure, type FailedRequest } from './s3-errors.ts'

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

/** `need`: what it must be allowed. */
export type RequestCall = Call & Pick<FailedRequest, 'need'>

/** `attempt` turns the answers that its caller expects into values; what it throws is tried again or ends the call. */
export type S3Requests = <T>(call: RequestCall, attempt: (signal: AbortSignal) => Promise<T>) => Promise<T>

const endpointOf = async (client: S3Client): Promise<string> => {
  const endpoint = await client.config.endpoint?.()
  if (!endpoint) return `s3.${await client.config.region()}.amazonaws.com`
  return `${endpoint.protocol}//${endpoint.hostname}${endpoint.port ? `:${endpoint.port}` : ''}`
}

/** Its own error, the caller's, or that of who gives the credentials: nothing to send again for. */
const isFinal = (error: unknown): boolean => error instanceof CodedError || error instanceof BodyError

/** Of all requests of a client: what one was told of its credentials, the next need not find out. */
const renewals = (client: S3Client) => {
  let count = 0
  let pending: Promise<boolean> | undefined
  const renew = async (): Promise<boolean> => {
    const before = await client.config.credentials()
    const after = await client.config.credentials({ forceRefresh: true })
    count += 1
    return after.accessKeyId !== before.accessKeyId || after.sessionToken !== before.sessionToken
  }
  return {
    count: () => count,
    /** Whether there are other credentials than when there had been so many renewals. */
    since: async (countBefore: number): Promise<boolean> => {
      if (count > countBefore) return true
      pending ??= renew().finally(() => {
        pending = undefined
      })
      return pending
    },
  }
}

export const s3Requests = ({ client, clock }: S3RequestsDeps, retry: S3Retry): S3Requests => {
  let hasAnswered = false
  const renewed = renewals(client)
  const waitMs = (tries: number): number =>
    Math.random() * Math.min(retry.firstWaitMs * 2 ** (tries - 1), retry.maxWaitMs)

  const untilAnswered = async <T>(
    attempt: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    onFailure: (failure: S3Failure) => void,
  ): Promise<T> => {
    let mayRenew = true
    for (let tries = 1; ; tries += 1) {
      const renewalsBefore = renewed.count()
      try {
        const answer = await attempt(signal)
        hasAnswered = true
        return answer
      } catch (error) {
        signal.throwIfAborted()
        if (isFinal(error)) throw ownError(error)
        const failure = error instanceof S3Failure ? error : new S3Failure(error)
        if (mayRenew && mayHaveExpired(failure)) {
          mayRenew = false
          if (await renewed.since(renewalsBefore)) continue
        }
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
      if (error instanceof S3Failure) throw s3Error({ ...call, where: await endpointOf(client) }, error)
      const isOurTimeout = error instanceof ObjectStoreError && error.code === 'timeout'
      if (!isOurTimeout || !last) throw error
      const { message, hint } = s3Error({ what: error.message, where: await endpointOf(client) }, last)
      throw new ObjectStoreError('timeout', message, hint ? { hint, cause: last } : { cause: last })
    }
  }
}

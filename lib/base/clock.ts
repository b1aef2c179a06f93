/**
 * @module clock: time as a port, so that tests and the scheduler of test/ decide when it passes.
 */
import { setTimeout as delay } from 'node:timers/promises'

export interface Clock {
  now(): Date
  /** Resolves after `ms` milliseconds. @throws the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal ? { signal } : {}).catch((error: unknown) => {
      throw signal?.aborted ? signal.reason : error
    })
  },
}

/** RFC 3339 in UTC with whole seconds, as Go's `time.RFC3339` prints it. */
export const rfc3339 = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`

/**
 * @module patient: calls that fail wait before they say so, longer each time, so that one who asks again at once floods neither the
 * control plane nor the log.
 */
import type { Clock } from '#lib/base/clock.ts'
import { isRefused } from './node-api.ts'

const firstPauseMs = 250
const longestPauseMs = 15_000
/** A removed node that joins again has another token: nothing is gained by asking often. */
export const refusedPauseMs = 30_000

export type Patient = <T>(work: () => Promise<T>) => Promise<T>

/** Each keeps its own count of failures. */
export const patient = (clock: Pick<Clock, 'sleep'>, signal: AbortSignal): Patient => {
  let failures = 0
  return async (work) => {
    try {
      const result = await work()
      failures = 0
      return result
    } catch (error) {
      const pauseMs = Math.min(firstPauseMs * 2 ** failures++, longestPauseMs)
      await clock.sleep(isRefused(error) ? refusedPauseMs : pauseMs, signal)
      throw error
    }
  }
}

/**
 * @module call-limits: the deadline and the signal of a call.
 *
 * A call ends in time even if what it waits for can't be cancelled, as the file system can't: the wait ends, and what was
 * begun sees its own signal aborted and goes no further.
 */
import { type CallOptions, ObjectStoreError } from './object-store.ts'

export interface Call {
  /** For people, as in `put of backupstore/x in s3://…`. */
  what: string
  options: CallOptions | undefined
  defaultDeadlineMs: number
}

const deadlineOf = (call: Call): number => call.options?.deadlineMs ?? call.defaultDeadlineMs

export const timeoutError = (call: Call): ObjectStoreError =>
  new ObjectStoreError('timeout', `${call.what}: no answer within ${deadlineOf(call) / 1000} s`, {
    hint: 'it may or may not have been done; check that the target answers',
  })

/** setTimeout fires at once beyond this: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const maxTimerMs = 2 ** 31 - 1

const limited = async <T>(
  call: Call,
  leftMs: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const signal = call.options?.signal
  signal?.throwIfAborted()
  const controller = new AbortController()
  const { promise: ended, reject } = Promise.withResolvers<never>()
  const end = (reason: unknown) => {
    reject(reason)
    controller.abort(reason)
  }
  const onAbort = () => end(signal?.reason)
  const timer = setTimeout(() => end(timeoutError(call)), Math.min(leftMs, maxTimerMs))
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([run(controller.signal), ended])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

/** @throws ObjectStoreError `timeout`, or the reason of the caller's signal, whatever `run` does about it. */
export const withinLimits = <T>(call: Call, run: (signal: AbortSignal) => Promise<T>): Promise<T> =>
  limited(call, deadlineOf(call), run)

/**
 * The same for the reading of a body, chunk by chunk: a deadline that the caller gave is for the whole, the adapter's own for
 * each chunk, since a slow reader is no fault of the store.
 */
export const stepsWithinLimits = (
  call: Call,
): (<T>(run: (signal: AbortSignal) => Promise<T>) => Promise<T>) => {
  const isForAll = call.options?.deadlineMs !== undefined
  const startedMs = performance.now()
  return (run) => limited(call, deadlineOf(call) - (isForAll ? performance.now() - startedMs : 0), run)
}

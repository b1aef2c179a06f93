/**
 * @module virtual-clock: time that passes only when nobody can go on without it.
 */
import type { Clock } from '#lib/base/clock.ts'

interface Sleeper {
  atMs: number
  order: number
  wake: () => void
}

export interface VirtualClock extends Clock {
  /** Lets everything happen that happens within a time. */
  pass(ms: number): Promise<void>
}

/** What can go on without time has gone on: promises settle, and setImmediate turns once for each chain of them. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export const virtualClock = (start = '2026-01-01T00:00:00Z'): VirtualClock => {
  let nowMs = Date.parse(start)
  let sleepers: Sleeper[] = []
  let slept = 0

  const nextBefore = (endMs: number): Sleeper | undefined =>
    sleepers
      .filter(({ atMs }) => atMs <= endMs)
      .toSorted((a, b) => a.atMs - b.atMs || a.order - b.order)
      .at(0)
  return {
    now: () => new Date(nowMs),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason)
          return
        }
        const sleeper = { atMs: nowMs + Math.max(0, ms), order: ++slept, wake: resolve }
        const gone = () => {
          sleepers = sleepers.filter((each) => each !== sleeper)
        }
        sleeper.wake = () => {
          gone()
          resolve()
        }
        sleepers.push(sleeper)
        signal?.addEventListener('abort', () => {
          gone()
          reject(signal.reason)
        })
      }),
    pass: async (ms) => {
      const endMs = nowMs + ms
      await settle()
      for (let next = nextBefore(endMs); next; next = nextBefore(endMs)) {
        nowMs = Math.max(nowMs, next.atMs)
        next.wake()
        await settle()
      }
      nowMs = endMs
    },
  }
}

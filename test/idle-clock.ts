/**
 * @module idle-clock: time that passes only when everybody sleeps: a wait of minutes takes no time, and none is left out.
 *
 * For code over a store in memory, which goes on in microtasks alone: once the event loop comes round, nobody can go on.
 */
import type { Clock } from '#lib/base/clock.ts'

export interface IdleClock extends Clock {
  /** As if nobody had done anything meanwhile. */
  advance(ms: number): void
}

interface Sleeper {
  at: number
  wake: () => void
}

/** Nothing that ends takes longer: a sleeper that was forgotten would keep the event loop going for ever. */
const maxPassedMs = 30 * 24 * 3600 * 1000

export const idleClock = (begin = Date.parse('2026-01-01T00:00:00Z')): IdleClock => {
  let now = begin
  let isAwaited = false
  const sleepers = new Set<Sleeper>()

  const awaitIdleness = (): void => {
    if (isAwaited || sleepers.size === 0) return
    isAwaited = true
    setImmediate(passTime)
  }
  const passTime = (): void => {
    isAwaited = false
    if (sleepers.size === 0) return
    now = Math.max(now, Math.min(...[...sleepers].map(({ at }) => at)))
    if (now > begin + maxPassedMs) throw new Error('somebody has slept for a month')
    for (const sleeper of [...sleepers].filter(({ at }) => at <= now)) sleeper.wake()
    awaitIdleness()
  }
  return {
    now: () => new Date(now),
    advance: (ms) => {
      now += ms
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason)
        const onAbort = () => {
          sleepers.delete(sleeper)
          reject(signal?.reason)
        }
        const sleeper: Sleeper = {
          at: now + ms,
          wake: () => {
            sleepers.delete(sleeper)
            signal?.removeEventListener('abort', onAbort)
            resolve()
          },
        }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', onAbort, { once: true })
        awaitIdleness()
      }),
  }
}

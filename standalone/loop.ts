/**
 * @module loop: something done now and again, until it is stopped.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'

const lookMs = 1000

/** At once, then each time that `everyMs` have passed since it was begun last, or the clock was put back; 0: not. What fails is logged. */
export const everyWhile = (
  { clock, log }: { clock: Clock; log: Log },
  what: string,
  everyMs: () => Promise<number>,
  work: () => Promise<unknown>,
): { stop(): Promise<void> } => {
  const stopping = new AbortController()
  const { signal } = stopping
  const run = async (): Promise<void> => {
    let begunAt = Number.NEGATIVE_INFINITY
    const workIfTime = async (): Promise<void> => {
      const now = clock.now().getTime()
      const pauseMs = await everyMs()
      if (pauseMs === 0 || (now >= begunAt && now - begunAt < pauseMs)) return
      begunAt = now
      await work()
    }
    while (!signal.aborted) {
      await workIfTime().catch((error: unknown) => log.error(`${what} failed`, { error: String(error) }))
      await clock.sleep(lookMs, signal).catch(() => undefined)
    }
  }
  const running = run()
  return {
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}

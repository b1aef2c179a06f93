/**
 * @module lend-messages: waits until there are messages to lend: what a queue in this process does, and the service's half of
 * http-queue.ts.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { LentMessage, MessageLeases } from './message-leases.ts'

export interface LendMessagesDeps {
  leases: Pick<MessageLeases, 'lend'>
  clock: Clock
}

export interface LendMessagesSettings {
  /** How often one who waits looks. Default: ten times a second. */
  pollMs?: number | undefined
}

/** Messages lent at once, each of another group. */
const mostAtOnce = 10

/** None, if none came in that time, or the signal ended the wait. */
export const lendMessages =
  ({ leases, clock }: LendMessagesDeps, { pollMs = 100 }: LendMessagesSettings = {}) =>
  async (waitMs: number, signal?: AbortSignal): Promise<LentMessage[]> => {
    const untilMs = clock.now().getTime() + waitMs
    const isGone = () => signal?.aborted ?? false
    while (!isGone()) {
      const lent = leases.lend(mostAtOnce)
      if (lent.length > 0 || clock.now().getTime() >= untilMs) return lent
      await clock.sleep(pollMs, signal).catch((error: unknown) => {
        if (!isGone()) throw error
      })
    }
    return []
  }

/**
 * @module memory-leases: messages in memory, for tests and simulations.
 */
import type { Clock } from '#lib/base/clock.ts'
import { leaseMs, retryAfterMs, type LentMessage, type MessageLeases } from './message-leases.ts'
import { deduplicationMs, mostTries, type QueueMessage } from './queue.ts'

interface Kept {
  message: QueueMessage
  lease: string | undefined
  /** Lent or put off until then. */
  awayUntilMs: number
  tries: number
}

export const memoryLeases = (clock: Pick<Clock, 'now'>): MessageLeases => {
  let kept: Kept[] = []
  const aside: QueueMessage[] = []
  const seenUntilMs = new Map<string, number>()
  let leases = 0
  const nowMs = () => clock.now().getTime()

  const drop = (gone: Kept): void => {
    kept = kept.filter((each) => each !== gone)
  }
  const isFirst = (each: Kept, position: number): boolean =>
    kept.findIndex(({ message }) => message.group === each.message.group) === position

  return {
    add: (message) => {
      if ((seenUntilMs.get(message.deduplicationId) ?? 0) > nowMs()) return
      seenUntilMs.set(message.deduplicationId, nowMs() + deduplicationMs)
      kept.push({ message: { ...message }, lease: undefined, awayUntilMs: 0, tries: 0 })
    },
    lend: (most) => {
      for (const each of kept.filter(
        ({ tries, awayUntilMs }) => tries >= mostTries && awayUntilMs <= nowMs(),
      )) {
        drop(each)
        aside.push(each.message)
      }
      const free = kept.filter((each, position) => each.awayUntilMs <= nowMs() && isFirst(each, position))
      return free.slice(0, most).map((each): LentMessage => {
        each.lease = String(++leases)
        each.awayUntilMs = nowMs() + leaseMs
        each.tries++
        return { message: { ...each.message }, lease: each.lease }
      })
    },
    settle: (lease) => {
      const found = kept.find((each) => each.lease === lease)
      if (found) drop(found)
    },
    giveBack: (lease) => {
      const found = kept.find((each) => each.lease === lease)
      if (!found) return
      found.lease = undefined
      found.awayUntilMs = nowMs() + retryAfterMs(found.tries)
    },
    dead: () => [...aside],
  }
}

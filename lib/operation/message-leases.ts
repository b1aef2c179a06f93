/**
 * @module message-leases: what lies under the queues that we keep ourselves: messages are lent for a while, and come back unless they are settled.
 *
 * A lease ends by its time, so that the messages of a receiver that died come again.
 */
import type { QueueMessage } from './queue.ts'

export interface LentMessage {
  message: QueueMessage
  /** Settles this very lending: another one of the same message has another. */
  lease: string
}

export interface MessageLeases {
  /** Nothing, if its deduplication id was seen in the last five minutes. */
  add(message: QueueMessage): void
  /** The first of each group that is not lent and not put off, at most so many. */
  lend(most: number): LentMessage[]
  /** Taken: gone for good. Nothing, if the lease has ended: then it comes again. */
  settle(lease: string): void
  /** Not taken: comes again after a while, or is put aside after too many tries. */
  giveBack(lease: string): void
  /** Those that were put aside. */
  dead(): QueueMessage[]
}

export const leaseMs = 30_000
/** By the number of tries so far. */
export const retryAfterMs = (tries: number): number => Math.min(1000 * 2 ** (tries - 1), 30_000)

/**
 * @module leased-queue: a queue over messages that are lent: in memory, or in SQLite.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import type { MessageLeases } from './message-leases.ts'
import { QueueError } from './queue-error.ts'
import { maxMessageBytes, type Queue, type QueueMessage, type ReceiveOptions } from './queue.ts'

export interface LeasedQueueDeps {
  leases: MessageLeases
  clock: Clock
  log: Log
}

/** Messages taken at once, each of another group. */
const mostAtOnce = 10

export const checkMessage = ({ body, group }: QueueMessage): void => {
  const sizeBytes = Buffer.byteLength(body)
  if (sizeBytes <= maxMessageBytes) return
  throw new QueueError('message-too-large', `message of ${sizeBytes} bytes for ${group}`, {
    hint: `a message has at most ${maxMessageBytes} bytes`,
  })
}

export interface LeasedQueueSettings {
  /** How often one who waits looks. Default: ten times a second. */
  pollMs?: number | undefined
}

export const leasedQueue = (
  { leases, clock, log }: LeasedQueueDeps,
  { pollMs = 100 }: LeasedQueueSettings = {},
): Queue => {
  const takeAll = async (take: (message: QueueMessage) => Promise<void>): Promise<number> => {
    const lent = leases.lend(mostAtOnce)
    await Promise.all(
      lent.map(async ({ message, lease }) => {
        try {
          await take(message)
        } catch (error) {
          log.warn('message not taken; it comes again', { group: message.group, error: String(error) })
          leases.giveBack(lease)
          return
        }
        leases.settle(lease)
      }),
    )
    return lent.length
  }
  const receive = async (
    { waitMs, signal }: ReceiveOptions,
    take: (message: QueueMessage) => Promise<void>,
  ): Promise<number> => {
    const untilMs = clock.now().getTime() + waitMs
    for (;;) {
      const taken = await takeAll(take)
      if (taken > 0 || signal?.aborted || clock.now().getTime() >= untilMs) return taken
      await clock.sleep(pollMs, signal).catch((error: unknown) => {
        if (!signal?.aborted) throw error
      })
    }
  }
  return {
    send: async (message) => {
      checkMessage(message)
      leases.add(message)
    },
    receive,
  }
}

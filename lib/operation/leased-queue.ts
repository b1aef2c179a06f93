/**
 * @module leased-queue: a queue over messages that are lent: in memory, or in SQLite.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { lendMessages, type LendMessagesSettings } from './lend-messages.ts'
import type { LentMessage, MessageLeases } from './message-leases.ts'
import { QueueError } from './queue-error.ts'
import { maxMessageBytes, type Queue, type QueueMessage } from './queue.ts'

export interface LeasedQueueDeps {
  leases: MessageLeases
  clock: Clock
  log: Log
}

export const checkMessage = ({ body, group }: QueueMessage): void => {
  const sizeBytes = Buffer.byteLength(body)
  if (sizeBytes <= maxMessageBytes) return
  throw new QueueError('message-too-large', `message of ${sizeBytes} bytes for ${group}`, {
    hint: `a message has at most ${maxMessageBytes} bytes`,
  })
}

export const leasedQueue = (
  { leases, clock, log }: LeasedQueueDeps,
  settings: LendMessagesSettings = {},
): Queue => {
  const lend = lendMessages({ leases, clock }, settings)
  const takeAndSettle = async (
    { message, lease }: LentMessage,
    take: (message: QueueMessage) => Promise<void>,
  ): Promise<void> => {
    try {
      await take(message)
    } catch (error) {
      log.warn('message not taken; it comes again', { group: message.group, error: String(error) })
      leases.giveBack(lease)
      return
    }
    leases.settle(lease)
  }
  return {
    send: async (message) => {
      checkMessage(message)
      leases.add(message)
    },
    receive: async ({ waitMs, signal }, take) => {
      const lent = await lend(waitMs, signal)
      await Promise.all(lent.map((each) => takeAndSettle(each, take)))
      return lent.length
    },
  }
}

/**
 * @module queue: the port to what carries messages between control plane and workers: SQS, SQLite, memory. Contract: queue.contract.ts.
 *
 * - A message is given at least once, and again until its receiver has taken it; how often, and for how long it waits between,
 *   is the adapter's affair, and so is how it knows that one was taken.
 * - Those of one group are given in the order in which they were sent, and the next only when the one before was taken.
 * - The same `deduplicationId` within five minutes is one message.
 * - One that fails `mostTries` times is put aside, and no longer keeps its group waiting.
 *
 * Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
 */
export interface QueueMessage {
  /** JSON, at most 256 KiB. */
  body: string
  group: string
  deduplicationId: string
}

export interface SendQueue {
  /** Durable when it returns. Safe to repeat. @throws QueueError. */
  send(message: QueueMessage): Promise<void>
}

export interface ReceiveOptions {
  /** How long to wait for a first message. */
  waitMs: number
  /** Ends the wait. A message that is being taken is not interrupted. */
  signal?: AbortSignal | undefined
}

export interface ReceiveQueue {
  /** Waits for messages, and has each taken: when `take` resolves it is gone, when it throws it comes again. How many came. */
  receive(options: ReceiveOptions, take: (message: QueueMessage) => Promise<void>): Promise<number>
}

export type Queue = SendQueue & ReceiveQueue

export const deduplicationMs = 5 * 60_000
export const mostTries = 5
/** SQS's limit. */
export const maxMessageBytes = 256 * 1024

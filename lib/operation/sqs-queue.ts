/**
 * @module sqs-queue: a queue of SQS.
 *
 * - A message that was received is away for the queue's visibility timeout, and comes again unless it was deleted by then: so do
 *   those of a receiver that died, and those whose answer was lost on the way.
 * - After `mostTries` the redrive policy of the queue puts it into the dead-letter queue; made with the queue (sqs-node-queues.ts).
 * - A standard queue keeps no order, and swallows nothing: only for what bears a number of its own.
 */
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { checkMessage } from './leased-queue.ts'
import { retryAfterMs } from './message-leases.ts'
import type { Queue, QueueMessage } from './queue.ts'
import { sqsError } from './sqs-errors.ts'
import { askedFor, ofSqsMessage, toSqsMessage } from './sqs-message.ts'

export interface SqsQueueDeps {
  client: Pick<SQSClient, 'send'>
  clock: Pick<Clock, 'now'>
  log: Log
}

export interface SqsQueueSettings {
  url: string
  isFifo: boolean
}

type Take = (message: QueueMessage) => Promise<void>

/** Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html */
const longestPollMs = 20_000
/** Messages taken at once, each of another group. */
const mostAtOnce = 10

/**
 * Asks for one message at a time: several at once could be of one group, and when the first of them is not taken, those after it
 * have been received for nothing, which counts as a try: the faults of the first would put them all into the dead-letter queue.
 */
const receiver = ({ client, clock }: SqsQueueDeps, { url }: SqsQueueSettings) => {
  const ask = async (seconds: number, signal: AbortSignal | undefined): Promise<Message | undefined> => {
    const command = new ReceiveMessageCommand({
      QueueUrl: url,
      MaxNumberOfMessages: 1,
      WaitTimeSeconds: seconds,
      MessageSystemAttributeNames: [...askedFor.MessageSystemAttributeNames],
      MessageAttributeNames: [...askedFor.MessageAttributeNames],
    })
    try {
      const { Messages = [] } = await client.send(command, signal && { abortSignal: signal })
      return Messages[0]
    } catch (error) {
      if (signal?.aborted) return undefined
      throw sqsError({ action: 'ReceiveMessage', queue: url }, error)
    }
  }
  return async (waitMs: number, signal: AbortSignal | undefined): Promise<Message | undefined> => {
    const untilMs = clock.now().getTime() + waitMs
    const isStopped = () => signal?.aborted ?? false
    let leftMs = waitMs
    while (!isStopped()) {
      const seconds = Math.ceil(Math.min(leftMs, longestPollMs) / 1000)
      const message = await ask(seconds, signal)
      // A server that answers before its time is not asked the more often for it.
      leftMs = Math.min(leftMs - seconds * 1000, untilMs - clock.now().getTime())
      if (message || leftMs <= 0) return message
    }
    return undefined
  }
}

const settling = ({ client, log }: SqsQueueDeps, { url }: SqsQueueSettings) => {
  const settle = async (message: Message): Promise<void> => {
    await client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: message.ReceiptHandle }))
  }
  const giveBack = async (message: Message): Promise<void> => {
    const tries = Number(message.Attributes?.ApproximateReceiveCount ?? 1)
    await client.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: url,
        ReceiptHandle: message.ReceiptHandle,
        VisibilityTimeout: Math.ceil(retryAfterMs(tries) / 1000),
      }),
    )
  }
  /** Never throws: what is neither deleted nor given back comes again by itself. */
  return async (received: Message, take: Take): Promise<void> => {
    const message = ofSqsMessage(received)
    const { group } = message
    let action = 'DeleteMessage'
    let step = settle
    try {
      await take(message)
    } catch (error) {
      log.warn('message not taken; it comes again', { group, error: String(error) })
      action = 'ChangeMessageVisibility'
      step = giveBack
    }
    await step(received).catch((error: unknown) => {
      const { message: failure, hint } = sqsError({ action, queue: url }, error)
      log.warn('message not settled; it comes again', { group, error: failure, hint })
    })
  }
}

export const sqsQueue = (deps: SqsQueueDeps, settings: SqsQueueSettings): Queue => {
  const { client } = deps
  const { url } = settings
  const receive = receiver(deps, settings)
  const takeAndSettle = settling(deps, settings)
  return {
    send: async (message) => {
      checkMessage(message)
      const command = new SendMessageCommand({ QueueUrl: url, ...toSqsMessage(message, settings) })
      await client.send(command).catch((error: unknown) => {
        throw sqsError({ action: 'SendMessage', queue: url }, error)
      })
    },
    receive: async ({ waitMs, signal }, take) => {
      const takings: Promise<void>[] = []
      try {
        // Other groups do not wait for the first.
        while (takings.length < mostAtOnce) {
          const message = await receive(takings.length === 0 ? waitMs : 0, signal)
          if (!message) break
          takings.push(takeAndSettle(message, take))
        }
      } finally {
        await Promise.all(takings)
      }
      return takings.length
    },
  }
}

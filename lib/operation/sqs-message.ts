/**
 * @module sqs-message: a message of ours as one of SQS's, and back.
 *
 * - SQS takes only characters of XML 1.0. JSON.stringify escapes the other ones (control characters, lone surrogates) but two:
 *   U+FFFE and U+FFFF. Bodies are JSON, so these are escaped here, which changes nothing for who parses them.
 * - A group and a deduplication id have 1 to 128 printable characters of ASCII. One that does not fit goes as its hash, and itself
 *   in an attribute beside it.
 * - A standard queue knows neither: there, the body alone goes.
 *
 * Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
 */
import { createHash } from 'node:crypto'
import type { Message, MessageAttributeValue, SendMessageCommandInput } from '@aws-sdk/client-sqs'
import type { QueueMessage } from './queue.ts'

type SqsMessage = Omit<SendMessageCommandInput, 'QueueUrl'>

/** Of the attributes that hold what did not fit. */
const originals = { group: 'group', deduplicationId: 'deduplication-id' } as const

const escaped = (json: string): string =>
  json.replaceAll(/[\uFFFE\uFFFF]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`)

const doesFit = (id: string): boolean => /^[\x21-\x7E]{1,128}$/.test(id)

const fitting = (id: string): string => (doesFit(id) ? id : createHash('sha256').update(id).digest('hex'))

export const toSqsMessage = (
  { body, group, deduplicationId }: QueueMessage,
  { isFifo }: { isFifo: boolean },
): SqsMessage => {
  const message: SqsMessage = { MessageBody: escaped(body) }
  if (!isFifo) return message
  const attributes: Record<string, MessageAttributeValue> = {}
  const keep = (name: string, id: string): void => {
    if (!doesFit(id)) attributes[name] = { DataType: 'String', StringValue: escaped(JSON.stringify(id)) }
  }
  keep(originals.group, group)
  keep(originals.deduplicationId, deduplicationId)
  return {
    ...message,
    MessageGroupId: fitting(group),
    MessageDeduplicationId: fitting(deduplicationId),
    MessageAttributes: attributes,
  }
}

/** What to ask for of a message, so that it can be read here. */
export const askedFor = {
  MessageSystemAttributeNames: ['ApproximateReceiveCount', 'MessageGroupId', 'MessageDeduplicationId'],
  MessageAttributeNames: Object.values(originals),
} as const

/** Of a standard queue: without group and id. */
export const ofSqsMessage = ({ Body, Attributes, MessageAttributes }: Message): QueueMessage => {
  const idOf = (name: string, id: string | undefined): string => {
    const original = MessageAttributes?.[name]?.StringValue
    return original === undefined ? (id ?? '') : String(JSON.parse(original))
  }
  return {
    body: Body ?? '',
    group: idOf(originals.group, Attributes?.MessageGroupId),
    deduplicationId: idOf(originals.deduplicationId, Attributes?.MessageDeduplicationId),
  }
}

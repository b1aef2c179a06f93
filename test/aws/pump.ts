/**
 * @module pump: takes what happens to the functions that are to be woken by it, as AWS does: batches of queues with what failed
 * coming again, events tried three times, rules by the minute.
 */
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  type Message,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import {
  ListRulesCommand,
  ListTargetsByRuleCommand,
  type EventBridgeClient,
  type Rule,
} from '@aws-sdk/client-eventbridge'
import { Cron } from 'croner'
import * as z from 'zod'
import { scheduledEvent, sqsEvent } from './event-shapes.ts'
import type { FunctionProcess } from './function-process.ts'

const BatchAnswer = z.object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string() })) })

/** Lambda's, for events that nobody waits for. */
const asynchronousTries = 3

/** @throws Error: it failed each time. */
export const deliverEvent = async (to: Pick<FunctionProcess, 'invoke'>, event: unknown): Promise<void> => {
  for (let tries = 1; ; tries++) {
    try {
      await to.invoke(event)
      return
    } catch (error) {
      if (tries === asynchronousTries) throw error
    }
  }
}

export interface QueueToPump {
  client: SQSClient
  url: string
  batchSize: number
  to: Pick<FunctionProcess, 'invoke'>
  /** May reorder and repeat what came; what it leaves out comes again. */
  arrange?: (messages: Message[]) => Message[]
}

const take = async ({ client, url, batchSize }: QueueToPump): Promise<Message[]> => {
  const command = new ReceiveMessageCommand({
    QueueUrl: url,
    MaxNumberOfMessages: batchSize,
    MessageSystemAttributeNames: ['All'],
    WaitTimeSeconds: 0,
  })
  return (await client.send(command)).Messages ?? []
}

/** A function that threw: the whole batch is to come again. */
const failedOf = async ({ url, to }: QueueToPump, messages: readonly Message[]): Promise<Set<string>> => {
  const name = url.slice(url.lastIndexOf('/') + 1)
  const answer = await to.invoke(sqsEvent(name, messages)).catch(() => undefined)
  const failures = BatchAnswer.safeParse(answer).data?.batchItemFailures
  return new Set(
    failures?.map(({ itemIdentifier }) => itemIdentifier) ?? messages.map(({ MessageId = '' }) => MessageId),
  )
}

/** One batch. What is to come again comes at once: nobody waits here for its visibility to end. @returns how many were taken. */
export const pumpQueue = async (queue: QueueToPump): Promise<number> => {
  const { client, url, arrange = (messages) => messages } = queue
  const messages = await take(queue)
  const handed = arrange(messages)
  const failed = handed.length === 0 ? new Set() : await failedOf(queue, handed)
  for (const message of messages) {
    const { MessageId, ReceiptHandle } = message
    const isTaken = handed.includes(message) && !failed.has(MessageId)
    await (isTaken
      ? client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }))
      : client.send(
          new ChangeMessageVisibilityCommand({ QueueUrl: url, ReceiptHandle, VisibilityTimeout: 0 }),
        ))
  }
  return handed.length
}

/** Source of the differences: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html */
const isDue = ({ ScheduleExpression = '', State }: Rule, minute: Date): boolean => {
  const fields = /^cron\((.+)\)$/.exec(ScheduleExpression)?.[1]?.split(' ') ?? []
  if (State !== 'ENABLED' || fields.length !== 6) return false
  const [minutes, hours, days, months, weekdays, years] = fields.map((field) => field.replace('?', '*'))
  const shifted = weekdays?.replaceAll(/\d/g, (day) => String(Number(day) - 1))
  if (years !== '*') throw new Error(`a year in ${ScheduleExpression}`)
  const cron = new Cron(`${minutes} ${hours} ${days} ${months} ${shifted}`, {
    timezone: 'UTC',
    mode: '5-part',
    sloppyRanges: true,
    domAndDow: true,
  })
  return cron.nextRun(new Date(minute.getTime() - 1))?.getTime() === minute.getTime()
}

/** As an input transformer whose values are strings. */
const transformed = (
  template: string,
  paths: Readonly<Record<string, string>>,
  event: Readonly<Record<string, unknown>>,
): unknown =>
  JSON.parse(
    template.replaceAll(/<(\w+)>/g, (_, name: string) =>
      String(event[(paths[name] ?? '').replace('$.', '')]),
    ),
  )

/** What rules that were made at run time fire in a minute: by the ARN of the function, its events. */
export const ticksOf = async (
  client: EventBridgeClient,
  prefix: string,
  minute: Date,
): Promise<{ arn: string; event: unknown }[]> => {
  const ticks: { arn: string; event: unknown }[] = []
  const { Rules = [] } = await client.send(new ListRulesCommand({ NamePrefix: prefix }))
  for (const rule of Rules.filter((each) => isDue(each, minute))) {
    const { Targets = [] } = await client.send(new ListTargetsByRuleCommand({ Rule: rule.Name }))
    for (const { Arn = '', InputTransformer } of Targets) {
      const { InputTemplate = '', InputPathsMap = {} } = InputTransformer ?? {}
      ticks.push({
        arn: Arn,
        event: transformed(InputTemplate, InputPathsMap, scheduledEvent(rule.Name ?? '', minute)),
      })
    }
  }
  return ticks
}

/**
 * @module sqs-batch: messages as SQS hands them to a function, and which of them are to come again.
 *
 * Of a group, what comes after one that failed fails too, so that its order holds.
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
import * as z from 'zod'
import type { Log } from '#lib/base/log.ts'
import { parsedJson } from '#lib/base/parsed-json.ts'

const SqsRecord = z.object({
  messageId: z.string(),
  body: z.string(),
  /** No group: of a queue without order. */
  attributes: z.object({ MessageGroupId: z.string().optional() }).optional(),
})

export const SqsBatch = z.object({ Records: z.array(SqsRecord) })
export type SqsBatch = z.infer<typeof SqsBatch>

export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[]
}

/** One after another. `take` gets what the body says; when it throws, the message comes again. */
export const takeBatch =
  (log: Log, take: (message: unknown) => Promise<void>) =>
  async ({ Records }: SqsBatch): Promise<BatchResponse> => {
    const stuck = new Set<string>()
    const failed: string[] = []
    for (const { messageId, body, attributes } of Records) {
      const group = attributes?.MessageGroupId
      try {
        if (group !== undefined && stuck.has(group)) failed.push(messageId)
        else await take(parsedJson(body))
      } catch (error) {
        log.warn('message not taken; it comes again', { message: messageId, group, error: String(error) })
        failed.push(messageId)
        if (group !== undefined) stuck.add(group)
      }
    }
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) }
  }

/**
 * @module dynamodb-faults: what DynamoDB Local never does, between it and a client: throttling, lost answers, keys left unprocessed.
 *
 * It lies inside the SDK's retries and below its reading of answers, so that both are judged too.
 */
import { text } from 'node:stream/consumers'
import type { Readable } from 'node:stream'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'

export type Fault =
  | { kind: 'refused'; status: number; code: string; message?: string }
  /** It was done, and nobody hears of it. */
  | { kind: 'answer-lost'; meanwhile?: () => Promise<void> }
  | { kind: 'altered'; alter: (answer: Record<string, unknown>) => unknown }

interface HttpAnswer {
  statusCode: number
  headers: Record<string, string>
  body: unknown
}

const json = (statusCode: number, value: unknown): HttpAnswer => ({
  statusCode,
  headers: { 'content-type': 'application/x-amz-json-1.0' },
  body: Buffer.from(JSON.stringify(value)),
})

const answerWith = async (fault: Fault, ask: () => Promise<HttpAnswer>): Promise<HttpAnswer> => {
  if (fault.kind === 'refused') {
    const { status, code, message = 'as told' } = fault
    return json(status, { __type: `com.amazonaws.dynamodb.v20120810#${code}`, message })
  }
  const { statusCode, body } = await ask()
  const answer = await text(body as Readable)
  if (fault.kind === 'altered')
    return json(statusCode, fault.alter(JSON.parse(answer) as Record<string, unknown>))
  await fault.meanwhile?.()
  throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })
}

/** The first requests of this command, each sending counted, meet these faults, one each. @returns the number of requests so far. */
export const injectFaults = (
  client: DynamoDBClient,
  command: string,
  faults: readonly (Fault | undefined)[],
): (() => number) => {
  let requests = 0
  client.middlewareStack.add(
    (next, context) => async (args) => {
      if (context.commandName !== `${command}Command`) return next(args)
      const fault = faults[requests++]
      if (!fault) return next(args)
      const response = await answerWith(fault, async () => (await next(args)).response as HttpAnswer)
      return { response }
    },
    { step: 'deserialize', priority: 'low', name: `droverFaults${command}`, override: true },
  )
  return () => requests
}

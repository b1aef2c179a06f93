/**
 * @module queue-sessions: what nodes may do by the sessions that they are given for their queues: what the role behind and the policy of
 * the session allow both.
 */
import { isAllowed } from '#test/template/iam-verdicts.ts'
import { statementsOf } from '#test/template/policy-faults.ts'
import { account, region, type ResolvedStack } from '#test/template/resolved-stack.ts'
import type { SeenCall } from './local-aws.ts'

export interface QueueSession {
  node: string
  /** As STS was given it. */
  policy: string
}

const distinct = (values: readonly string[]): string[] => [...new Set(values)].toSorted()

export const queueSessionsIn = (calls: readonly SeenCall[]): QueueSession[] =>
  calls
    .filter(({ input }) => String(input['RoleArn']).endsWith('-NodeRole'))
    .map(({ input }) => ({
      node: String(input['RoleSessionName']).replace('queue-', ''),
      policy: String(input['Policy']),
    }))

export const nodeQueuesIn = (calls: readonly SeenCall[]): string[] =>
  distinct(
    calls
      .filter(({ operation }) => operation === 'CreateQueue')
      .map(({ input }) => String(input['QueueName'])),
  )

/** What nodes did at their queues. */
export const takesIn = (calls: readonly SeenCall[]): string[] =>
  distinct(
    calls
      .filter(({ by, service }) => by === 'session' && service === 'sqs')
      .map(({ operation }) => operation),
  )

const neverAsked = ['SendMessage', 'PurgeQueue', 'DeleteQueue', 'GetQueueAttributes', 'SetQueueAttributes']

/** Each as `<operation> <queue>`. */
export const allowedTo = async (
  { policy }: QueueSession,
  stack: ResolvedStack,
  calls: readonly SeenCall[],
): Promise<string[]> => {
  const role = statementsOf(stack, 'NodeRole')
  const allowed: string[] = []
  for (const queue of nodeQueuesIn(calls))
    for (const operation of [...takesIn(calls), ...neverAsked]) {
      const resource = `arn:aws:sqs:${region}:${account}:${queue}`
      const request = { action: `sqs:${operation}`, resource, context: {} }
      if (await isAllowed(role, request, { sessionPolicy: JSON.parse(policy) }))
        allowed.push(`${operation} ${queue}`)
    }
  return allowed
}

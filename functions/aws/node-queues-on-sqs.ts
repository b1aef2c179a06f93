/**
 * @module node-queues-on-sqs: the queue of each node: made when it joins, removed with it; and credentials for it alone, which a node
 * asks for each hour: a stolen machine reads its own commands until its token is removed, and no longer than an hour after.
 */
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts'
import { ApiError } from '#lib/api/api-error.ts'
import type { QueueAnswer } from '#lib/api/node-messages.ts'
import { nodeQueues } from '#lib/operation/sqs-node-queues.ts'
import { sessionIn, sessionNameOf } from '#lib/target/sts-sessions.ts'
import { log } from './invocation.ts'
import { client } from './queues-on-sqs.ts'
import { setting } from './settings.ts'

const queues = nodeQueues(
  { client },
  {
    prefix: setting('DROVER_NODE_QUEUE_PREFIX'),
    baseUrl: setting('DROVER_QUEUES_URL'),
    deadLetterArn: setting('DROVER_NODE_DEAD_LETTER_ARN'),
    tags: { 'drover:stack': setting('DROVER_STACK') },
  },
)
const sts = new STSClient({ maxAttempts: 5 })

/** Role chaining's longest. */
const sessionSeconds = 3600
/** A heartbeat costs some requests: each minute they are a fifth of what an idle installation costs. A node is there for two minutes after one (lib/api/found.ts). */
const idleHeartbeatSeconds = 90

const policyFor = (node: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'],
        Resource: queues.arnOf(node),
      },
    ],
  })

const unavailable = (node: string, cause: unknown): ApiError =>
  new ApiError(
    'unavailable',
    `no credentials for the queue of node ${node}: ${cause instanceof Error ? cause.message : String(cause)}`,
    {
      cause,
      hint: 'it is asked for again; if that goes on, see that the role DROVER_NODE_ROLE_ARN is there',
    },
  )

/** @throws ApiError `unavailable`. */
const sessionFor = async (node: string) => {
  const answer = await sts
    .send(
      new AssumeRoleCommand({
        RoleArn: setting('DROVER_NODE_ROLE_ARN'),
        RoleSessionName: sessionNameOf(`queue-${node}`),
        DurationSeconds: sessionSeconds,
        Policy: policyFor(node),
      }),
    )
    .catch((error: unknown) => {
      throw unavailable(node, error)
    })
  const session = sessionIn(answer.Credentials)
  if (!session) throw unavailable(node, new Error('STS answered without any'))
  const { expiration, ...credentials } = session
  return { credentials, expiresAt: expiration.toISOString() }
}

export const makeQueue = (node: string): Promise<void> => queues.create(node)

export const removeQueue = (node: string): Promise<void> => queues.remove(node)

/** One that a hand removed: without it the node would ask in vain for ever. It is there nearly always, with older attributes perhaps. */
const makeAgain = (node: string): Promise<void> =>
  queues.create(node).catch((error: unknown) => {
    log.warn('queue of a node not made sure of', { node, error: String(error) })
  })

export const queueAccess = async (node: string): Promise<QueueAnswer> => {
  await makeAgain(node)
  return {
    kind: 'sqs',
    url: queues.urlOf(node),
    region: queues.arnOf(node).split(':')[3] ?? '',
    ...(await sessionFor(node)),
    idleHeartbeatSeconds,
  }
}

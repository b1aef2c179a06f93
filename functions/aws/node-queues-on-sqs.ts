/**
 * @module node-queues-on-sqs: the queue of each node: made when it joins, removed with it; and credentials for it alone, which a node
 * asks for each hour: a stolen machine reads its own commands until its token is removed, and no longer than an hour after.
 */
import { STSClient } from '@aws-sdk/client-sts'
import type { QueueAnswer } from '#lib/api/node-messages.ts'
import { queueSession } from '#lib/api/sts-queue-session.ts'
import { nodeQueues } from '#lib/operation/sqs-node-queues.ts'
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
const sessionFor = queueSession(
  { client: new STSClient({ maxAttempts: 5 }), log },
  { roleArn: setting('DROVER_NODE_ROLE_ARN') },
)

/** A heartbeat costs some requests: each minute they are a fifth of what an idle installation costs. A node is there for two minutes after one (lib/api/found.ts). */
const idleHeartbeatSeconds = 90

export const makeQueue = (node: string): Promise<void> => queues.create(node)

export const removeQueue = (node: string): Promise<void> => queues.remove(node)

/** One that a hand removed: without it the node would ask in vain for ever. It is there nearly always, with older attributes perhaps. */
const makeAgain = (node: string): Promise<void> =>
  queues.create(node).catch((error: unknown) => {
    log.warn('queue of a node not made sure of', { node, error: String(error) })
  })

export const queueAccess = async (node: string): Promise<QueueAnswer> => {
  await makeAgain(node)
  const queueArn = queues.arnOf(node)
  const { expiration, ...credentials } = await sessionFor({ node, queueArn })
  return {
    kind: 'sqs',
    url: queues.urlOf(node),
    region: queueArn.split(':')[3] ?? '',
    credentials,
    expiresAt: expiration.toISOString(),
    idleHeartbeatSeconds,
  }
}

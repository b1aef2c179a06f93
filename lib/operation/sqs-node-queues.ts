/**
 * @module sqs-node-queues: a FIFO queue for each node, made when it joins, and removed with it.
 *
 * SQS may take up to a minute for either, during which a queue that was removed still answers.
 */
import { createHash } from 'node:crypto'
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  paginateListQueues,
  QueueDoesNotExist,
  QueueNameExists,
  type CreateQueueCommandInput,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import { leaseMs } from './message-leases.ts'
import { QueueError } from './queue-error.ts'
import { mostTries } from './queue.ts'
import { sqsError } from './sqs-errors.ts'

export interface NodeQueuesDeps {
  client: SQSClient
}

export interface NodeQueuesPlace {
  /** Of the queues' names. */
  prefix: string
  /** The URL of any queue of the account and region, up to its last slash, and with it. */
  baseUrl: string
}

export interface NodeQueuesSettings extends NodeQueuesPlace {
  /** Of a FIFO queue. */
  deadLetterArn: string
  tags: Readonly<Record<string, string>>
}

export interface NodeQueues {
  /** The same for the same node, always. */
  nameOf(node: string): string
  urlOf(node: string): string
  arnOf(node: string): string
  /** Safe to repeat. @throws QueueError `name-blocked`: it was removed less than a minute ago. */
  create(node: string): Promise<void>
  /** With what is in it. One that is not there is fine. */
  remove(node: string): Promise<void>
  /** The names of all; with them, those of another stack, if its name begins as the prefix does. */
  list(): Promise<string[]>
}

/** Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html */
const mostNameCharacters = 80
const hashCharacters = 8
/** The longest that SQS keeps a message: a command has its own, earlier end. */
const retentionSeconds = 14 * 24 * 3600
/** A node's part of a name: below that, people do not see whose queue it is. */
const leastNodeCharacters = 8

/** Two nodes may look the same once their names are made to fit: the hash tells them apart. */
const nodeQueueName = (prefix: string, node: string): string => {
  const hash = createHash('sha256').update(node).digest('hex').slice(0, hashCharacters)
  const end = `-${hash}.fifo`
  const room = mostNameCharacters - prefix.length - end.length
  if (room < leastNodeCharacters) {
    throw new QueueError('failed', `queue name of node ${node}: no room for it after ${prefix}`, {
      hint: `give the stack a shorter name: the prefix may have ${mostNameCharacters - leastNodeCharacters - end.length} characters`,
    })
  }
  return `${prefix}${node.replaceAll(/[^A-Za-z0-9_-]/g, '-').slice(0, room)}${end}`
}

/** Of a node's queue, there or not. */
export const nodeQueueUrl = ({ prefix, baseUrl }: NodeQueuesPlace, node: string): string =>
  baseUrl + nodeQueueName(prefix, node)

const attributesOf = (deadLetterArn: string): Record<string, string> => ({
  FifoQueue: 'true',
  VisibilityTimeout: String(leaseMs / 1000),
  MessageRetentionPeriod: String(retentionSeconds),
  RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetterArn, maxReceiveCount: mostTries }),
  SqsManagedSseEnabled: 'true',
})

const namesWith = async (client: SQSClient, prefix: string): Promise<string[]> => {
  const names: string[] = []
  // Without a page size SQS gives the first thousand, and no word of the rest.
  const pages = paginateListQueues({ client, pageSize: 1000 }, { QueueNamePrefix: prefix })
  for await (const { QueueUrls = [] } of pages) {
    names.push(...QueueUrls.map((url) => url.slice(url.lastIndexOf('/') + 1)))
  }
  return names
}

/** One whose tags are others meanwhile, as an organisation sets them by itself, counts as another; without tags only attributes count. */
const createQueue = async (client: SQSClient, { tags, ...queue }: CreateQueueCommandInput): Promise<void> => {
  try {
    await client.send(new CreateQueueCommand({ ...queue, tags }))
  } catch (error) {
    if (!(error instanceof QueueNameExists)) throw error
    await client.send(new CreateQueueCommand(queue))
  }
}

export const nodeQueues = ({ client }: NodeQueuesDeps, settings: NodeQueuesSettings): NodeQueues => {
  const { prefix, deadLetterArn, tags } = settings
  const nameOf = (node: string) => nodeQueueName(prefix, node)
  const urlOf = (node: string) => nodeQueueUrl(settings, node)
  return {
    nameOf,
    urlOf,
    arnOf: (node) => deadLetterArn.slice(0, deadLetterArn.lastIndexOf(':') + 1) + nameOf(node),
    create: async (node) => {
      const queue = nameOf(node)
      const Attributes = attributesOf(deadLetterArn)
      await createQueue(client, { QueueName: queue, Attributes, tags }).catch((error: unknown) => {
        throw sqsError({ action: 'CreateQueue', queue }, error)
      })
    },
    remove: async (node) => {
      await client.send(new DeleteQueueCommand({ QueueUrl: urlOf(node) })).catch((error: unknown) => {
        if (error instanceof QueueDoesNotExist) return
        throw sqsError({ action: 'DeleteQueue', queue: nameOf(node) }, error)
      })
    },
    list: () =>
      namesWith(client, prefix).catch((error: unknown) => {
        throw sqsError({ action: 'ListQueues', queue: `${prefix}*` }, error)
      }),
  }
}

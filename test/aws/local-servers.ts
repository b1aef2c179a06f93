/**
 * @module local-servers: what third parties' servers hold of a local stack, listed, and made again what it was.
 */
import {
  BatchWriteItemCommand,
  paginateScan,
  type AttributeValue,
  type DynamoDBClient,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb'
import {
  DeleteRuleCommand,
  EventBridgeClient,
  ListRulesCommand,
  ListTargetsByRuleCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge'
import {
  DeleteSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import {
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ListQueuesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import { gathered } from '#lib/base/gathered.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { nodeQueueUrl } from '#lib/operation/sqs-node-queues.ts'
import { queueNames, stackName } from './local-aws.ts'
import { until } from './until.ts'

export type Row = Record<string, AttributeValue>

export const table = `${stackName}-Table`
const prefixes = { rule: `${stackName}-job-`, queue: `${stackName}-node-`, secret: `${stackName}/` }

export const tableOf = (client: DynamoDBClient) => {
  const rows = async (): Promise<Row[]> => {
    const found: Row[] = []
    for await (const { Items = [] } of paginateScan({ client }, { TableName: table, ConsistentRead: true }))
      found.push(...Items)
    return found
  }
  const write = async (requests: WriteRequest[]): Promise<void> => {
    for (let from = 0; from < requests.length; from += 25)
      await client.send(
        new BatchWriteItemCommand({ RequestItems: { [table]: requests.slice(from, from + 25) } }),
      )
  }
  const idOf = ({ pk, sk }: Row) => JSON.stringify([pk?.S, sk?.S])
  return {
    rows,
    reset: async (kept: readonly Row[]): Promise<void> => {
      const ids = new Set(kept.map(idOf))
      const gone = (await rows()).filter((row) => !ids.has(idOf(row)))
      await write([
        ...gone.map(({ pk = { S: '' }, sk = { S: '' } }) => ({ DeleteRequest: { Key: { pk, sk } } })),
        ...kept.map((Item) => ({ PutRequest: { Item } })),
      ])
    },
  }
}

export const rulesOf = (client: EventBridgeClient) => {
  const list = async () => {
    const { Rules = [] } = await client.send(new ListRulesCommand({ NamePrefix: prefixes.rule }))
    return Promise.all(
      Rules.map(async ({ Name, ScheduleExpression, State, Description }) => {
        const { Targets = [] } = await client.send(new ListTargetsByRuleCommand({ Rule: Name }))
        return { Name, ScheduleExpression, State, Description, Targets }
      }),
    )
  }
  return {
    list,
    reset: async (kept: ReadonlySet<string>): Promise<void> => {
      for (const { Name = '', Targets } of await list()) {
        if (kept.has(Name)) continue
        const Ids = Targets.map(({ Id = '' }) => Id)
        if (Ids.length > 0) await client.send(new RemoveTargetsCommand({ Rule: Name, Ids }))
        await client.send(new DeleteRuleCommand({ Name }))
      }
    },
  }
}

export const secretsOf = (client: SecretsManagerClient) => {
  const list = async () => {
    const Filters = [{ Key: 'name' as const, Values: [prefixes.secret] }]
    const { SecretList = [] } = await client.send(new ListSecretsCommand({ Filters }))
    return Promise.all(
      SecretList.map(async ({ Name }) => {
        const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: Name }))
        return { Name, SecretString }
      }),
    )
  }
  return {
    list,
    reset: async (): Promise<void> => {
      for (const { Name } of await list())
        await client.send(new DeleteSecretCommand({ SecretId: Name, ForceDeleteWithoutRecovery: true }))
    },
  }
}

export const queuesOf = (client: SQSClient, baseUrl: string) => {
  const urlOfNode = (node: string): string => nodeQueueUrl({ prefix: prefixes.queue, baseUrl }, node)
  const queueUrl: (what: keyof typeof queueNames) => string = (what) => baseUrl + queueNames[what]
  const list = async (): Promise<string[]> => {
    const found = await client.send(new ListQueuesCommand({ QueueNamePrefix: prefixes.queue }))
    return (found.QueueUrls ?? []).map((url) => url.slice(url.lastIndexOf('/') + 1))
  }
  const isEmpty = async (url: string): Promise<boolean> => {
    const AttributeNames = [
      'ApproximateNumberOfMessages' as const,
      'ApproximateNumberOfMessagesNotVisible' as const,
    ]
    const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames }))
    return AttributeNames.every((name) => Attributes?.[name] === '0')
  }
  const quiet = async (): Promise<void> => {
    await until('empty queues', async () =>
      (await isEmpty(queueUrl('reports'))) && (await isEmpty(queueUrl('worker'))) ? true : undefined,
    )
  }
  const takeFrom = async (QueueUrl: string): Promise<string[]> => {
    const bodies: string[] = []
    for (;;) {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
      )
      if (Messages.length === 0) return bodies
      bodies.push(...Messages.map(({ Body = '' }) => Body))
      const Entries = Messages.map(({ ReceiptHandle }, at) => ({ Id: String(at), ReceiptHandle }))
      await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }))
    }
  }
  return {
    queueUrl,
    list,
    quiet,
    takeFrom: (name: string) => takeFrom(baseUrl + name),
    nodeQueueUrl: urlOfNode,
    takeCommands: (node: string) => takeFrom(urlOfNode(node)),
    reset: async (kept: ReadonlySet<string>): Promise<void> => {
      for (const name of await list()) {
        const QueueUrl = baseUrl + name
        await client.send(
          kept.has(name) ? new PurgeQueueCommand({ QueueUrl }) : new DeleteQueueCommand({ QueueUrl }),
        )
      }
    },
  }
}

/** Some hundred KB at most. */
export const objectsOf = (store: ObjectStore) => {
  const keys = async (): Promise<string[]> => {
    const found: string[] = []
    for await (const { objects } of store.list('')) found.push(...objects.map(({ key }) => key))
    return found
  }
  const read = async (): Promise<Map<string, Buffer>> => {
    const contents = new Map<string, Buffer>()
    for (const key of await keys()) {
      const object = await store.get(key)
      if (object) contents.set(key, Buffer.concat(await gathered(object.body)))
    }
    return contents
  }
  return {
    keys,
    read,
    reset: async (kept: ReadonlyMap<string, Buffer>): Promise<void> => {
      const there = new Set(await keys())
      await store.deleteMany([...there].filter((key) => !kept.has(key)))
      for (const [key, bytes] of kept)
        if (!there.has(key) || key.endsWith('volume.cfg')) await store.put(key, bytes)
    },
  }
}

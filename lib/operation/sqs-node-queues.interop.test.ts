import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ListQueueTagsCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Elasticmq, startElasticmq } from '#test/oracles/elasticmq.ts'
import { sqsClient } from './sqs-client.ts'
import { nodeQueues } from './sqs-node-queues.ts'

const prefix = 'drover-node-'
let elasticmq: Elasticmq
let client: SQSClient

beforeAll(async () => {
  elasticmq = await startElasticmq()
  client = sqsClient(elasticmq.settings)
  const Attributes = { FifoQueue: 'true' }
  for (const QueueName of ['dead.fifo', 'another-dead.fifo'])
    await client.send(new CreateQueueCommand({ QueueName, Attributes }))
})

afterAll(async () => {
  client?.destroy()
  await elasticmq?.stop()
})

const queuesWith = (deadLetters = 'dead.fifo') =>
  nodeQueues(
    { client },
    {
      prefix,
      baseUrl: elasticmq.baseUrl,
      deadLetterArn: elasticmq.baseArn + deadLetters,
      tags: { 'drover:stack': 'drover' },
    },
  )

describe('queues of nodes on ElasticMQ', () => {
  it('makes one as a node needs it, as often as it is told to, at the place that it says', async () => {
    const queues = queuesWith()
    await queues.create('node-1.example.com')
    await queues.create('node-1.example.com')
    const QueueUrl = queues.urlOf('node-1.example.com')
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    )
    expect(Attributes).toMatchObject({
      QueueArn: queues.arnOf('node-1.example.com'),
      FifoQueue: 'true',
      VisibilityTimeout: '30',
    })
    expect(JSON.parse(Attributes?.RedrivePolicy ?? '')).toEqual({
      deadLetterTargetArn: `${elasticmq.baseArn}dead.fifo`,
      maxReceiveCount: 5,
    })
    const { Tags } = await client.send(new ListQueueTagsCommand({ QueueUrl }))
    expect(Tags).toEqual({ 'drover:stack': 'drover' })
  })

  it('says so when there is one with other attributes', async () => {
    await queuesWith().create('other')
    await expect(queuesWith('another-dead.fifo').create('other')).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('QueueNameExists'),
      hint: expect.stringContaining('other attributes'),
    })
  })

  it('lists its own, and removes one, also when it is gone', async () => {
    const queues = queuesWith()
    for (const node of ['a', 'b']) await queues.create(node)
    expect(await queues.list()).toEqual(expect.arrayContaining([queues.nameOf('a'), queues.nameOf('b')]))
    expect(await queues.list()).not.toContain('dead.fifo')
    await queues.remove('a')
    await queues.remove('a')
    expect(await queues.list()).not.toContain(queues.nameOf('a'))
    expect(await queues.list()).toContain(queues.nameOf('b'))
  })
})

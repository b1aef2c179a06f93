import type { SQSClient } from '@aws-sdk/client-sqs'
import { describe, expect, it } from 'vitest'
import { sqsClient } from './sqs-client.ts'
import { nodeQueues, nodeQueueUrl } from './sqs-node-queues.ts'

const place = { prefix: 'drover-node-', baseUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/' }
const settings = {
  ...place,
  deadLetterArn: 'arn:aws:sqs:eu-west-1:123456789012:drover-node-dead.fifo',
  tags: {},
}

const queuesWith = (more: { prefix?: string } = {}, client: SQSClient = sqsClient({ region: 'eu-west-1' })) =>
  nodeQueues({ client }, { ...settings, ...more })

describe('queues of nodes', () => {
  it('are named for the node, as SQS allows it', () => {
    const { nameOf, urlOf, arnOf } = queuesWith()
    expect(nameOf('node-1.example.com')).toMatch(/^drover-node-node-1-example-com-[0-9a-f]{8}\.fifo$/)
    expect(nameOf('node-1.example.com')).toBe(nameOf('node-1.example.com'))
    expect(urlOf('a')).toBe(place.baseUrl + nameOf('a'))
    expect(urlOf('a')).toBe(nodeQueueUrl(place, 'a'))
    expect(arnOf('a')).toBe(`arn:aws:sqs:eu-west-1:123456789012:${nameOf('a')}`)
  })

  it('are each another, however alike the names of nodes are', () => {
    const { nameOf } = queuesWith()
    const nodes = ['a.b', 'a-b', 'a_b', 'A-b', `${'n'.repeat(62)}1`, `${'n'.repeat(62)}2`, 'ä', 'ö', '']
    const names = nodes.map(nameOf)
    expect(new Set(names).size).toBe(nodes.length)
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{1,75}\.fifo$/)
    expect(nameOf('n'.repeat(63))).toHaveLength(80)
  })

  it('need a prefix that leaves room for the node', () => {
    expect(queuesWith({ prefix: 'p'.repeat(58) }).nameOf('node.example.com')).toHaveLength(80)
    expect(() => queuesWith({ prefix: 'p'.repeat(59) }).nameOf('node')).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('may have 58 characters') }),
    )
  })

  it('are listed page by page', async () => {
    const client = sqsClient({ region: 'eu-west-1' })
    const asked: unknown[] = []
    const pages = [
      { QueueUrls: [`${place.baseUrl}drover-node-a.fifo`], NextToken: 'more' },
      { NextToken: 'still more' },
      { QueueUrls: [`${place.baseUrl}drover-node-b.fifo`] },
    ]
    client.middlewareStack.add(
      () => async (args) => {
        asked.push({ ...args.input })
        return { output: { $metadata: {}, ...pages.shift() }, response: {} }
      },
      { step: 'initialize', priority: 'high', name: 'pages' },
    )
    const queues = queuesWith({}, client)
    expect(await queues.list()).toEqual(['drover-node-a.fifo', 'drover-node-b.fifo'])
    const page = { QueueNamePrefix: 'drover-node-', MaxResults: 1000 }
    expect(asked).toEqual([
      expect.objectContaining(page),
      { ...page, NextToken: 'more' },
      { ...page, NextToken: 'still more' },
    ])
  })
})

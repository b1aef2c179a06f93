import { randomUUID } from 'node:crypto'
import { CreateQueueCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock, type Clock } from '#lib/base/clock.ts'
import { silentLog, type Log } from '#lib/base/log.ts'
import { type Elasticmq, goByClock, startElasticmq } from '#test/oracles/elasticmq.ts'
import { queueContract, testClock } from './queue.contract.ts'
import { maxMessageBytes, mostTries, type Queue, type QueueMessage } from './queue.ts'
import { sqsClient } from './sqs-client.ts'
import { nodeQueues, type NodeQueues } from './sqs-node-queues.ts'
import { sqsQueue } from './sqs-queue.ts'

let elasticmq: Elasticmq
let clients: SQSClient[] = []

beforeAll(async () => {
  elasticmq = await startElasticmq()
})

afterAll(async () => {
  for (const client of clients) client.destroy()
  await elasticmq?.stop()
})

interface Opened {
  client: SQSClient
  node: string
  queues: NodeQueues
  queue: Queue
  url: string
  deadLetters: Queue
}

const newClient = (): SQSClient => {
  const client = sqsClient(elasticmq.settings)
  clients = [...clients, client]
  return client
}

const createQueue = async (client: SQSClient, name: string): Promise<string> => {
  const Attributes = name.endsWith('.fifo') ? { FifoQueue: 'true' } : {}
  await client.send(new CreateQueueCommand({ QueueName: name, Attributes }))
  return elasticmq.baseUrl + name
}

/** A node's queue, as it is made when the node joins, and where its poison goes. */
const open = async (clock: Clock, log: Log = silentLog): Promise<Opened> => {
  const client = newClient()
  goByClock(client, clock, elasticmq)
  const node = randomUUID()
  const deadLetterName = `dead-${node}.fifo`
  const deadLetterUrl = await createQueue(client, deadLetterName)
  const queues = nodeQueues(
    { client },
    {
      prefix: 'drover-node-',
      baseUrl: elasticmq.baseUrl,
      deadLetterArn: `${elasticmq.baseArn}${deadLetterName}`,
      tags: { 'drover:stack': 'drover' },
    },
  )
  await queues.create(node)
  const deps = { client, clock, log }
  const url = queues.urlOf(node)
  return {
    client,
    node,
    queues,
    url,
    queue: sqsQueue(deps, { url, isFifo: true }),
    deadLetters: sqsQueue(deps, { url: deadLetterUrl, isFifo: true }),
  }
}

queueContract('SQS on ElasticMQ', { open: async (clock) => (await open(clock)).queue })

const message = (body: string, group = 'node', deduplicationId = body): QueueMessage => ({
  body,
  group,
  deduplicationId,
})

const allOf = async (queue: Queue, waitMs = 1000): Promise<QueueMessage[]> => {
  const messages: QueueMessage[] = []
  const take = async (taken: QueueMessage) => {
    messages.push(taken)
  }
  while ((await queue.receive({ waitMs }, take)) > 0);
  return messages
}

const failing = async () => {
  throw new Error('poison')
}

type Fault = (sent: () => Promise<unknown>) => Promise<unknown>

/** Has the next requests of a command meet these, one each, below the SDK's retries. */
const faulty = (client: SQSClient, command: string, ...faults: Fault[]) => {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const fault = context.commandName === `${command}Command` ? faults.shift() : undefined
      await fault?.(() => next(args))
      return next(args)
    },
    { step: 'finalizeRequest', priority: 'low', name: `faulty${randomUUID()}` },
  )
}

const refused =
  (name: string, httpStatusCode: number, text = name): Fault =>
  async () => {
    throw Object.assign(new Error(text), { name, $fault: 'client', $metadata: { httpStatusCode } })
  }

const answerLost: Fault = async (sent) => {
  await sent()
  throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError', code: 'ECONNRESET' })
}

describe('SQS on ElasticMQ', () => {
  it('has in the dead-letter queue what was never taken, and nothing else', async () => {
    const { queue, deadLetters } = await open(testClock())
    for (const body of ['poison', 'after']) await queue.send(message(body))
    const seen: string[] = []
    const take = async ({ body }: QueueMessage) => {
      seen.push(body)
      if (body === 'poison') await failing()
    }
    while ((await queue.receive({ waitMs: 60_000 }, take)) > 0);
    expect(seen).toEqual([...Array<string>(mostTries).fill('poison'), 'after'])
    const dead = await allOf(deadLetters)
    expect(dead.map(({ body, group }) => ({ body, group }))).toEqual([{ body: 'poison', group: 'node' }])
  })

  it('tries none of a group in vain while the one before fails', async () => {
    const { queue, deadLetters } = await open(testClock())
    const bodies = ['poison', ...Array.from({ length: 12 }, (_, index) => `after ${index}`)]
    for (const body of bodies) await queue.send(message(body, 'node', `id-${body.replace(' ', '')}`))
    const taken: string[] = []
    const take = async ({ body }: QueueMessage) => {
      if (body === 'poison') await failing()
      taken.push(body)
    }
    while ((await queue.receive({ waitMs: 60_000 }, take)) > 0);
    expect(taken).toEqual(bodies.slice(1))
    expect((await allOf(deadLetters)).map(({ body }) => body)).toEqual(['poison'])
  })

  it('waits longer from try to try', async () => {
    const clock = testClock()
    const { queue } = await open(clock)
    await queue.send(message('one'))
    const waits: number[] = []
    for (let tries = 1; tries <= mostTries; tries += 1) {
      const before = clock.now().getTime()
      await queue.receive({ waitMs: 60_000 }, failing)
      waits.push((clock.now().getTime() - before) / 1000)
    }
    expect(waits).toEqual([0, 1, 2, 4, 8])
  })

  it.each([
    { title: 'a group of 300 characters', group: 'g'.repeat(300), id: 'id' },
    { title: 'an id of 300 characters', group: 'g', id: 'ä'.repeat(300) },
    { title: 'emoji, spaces, U+FFFE', group: 'standby 🐑\uFFFE', id: 'a b\n\u0000🐑\uD800' },
    { title: 'nothing', group: '', id: '' },
    { title: 'all punctuation', group: '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', id: '~'.repeat(128) },
  ])('carries ids with $title unchanged', async ({ group, id }) => {
    const { queue } = await open(testClock())
    await queue.send(message('"body"', group, id))
    await queue.send(message('"again"', group, id))
    expect(await allOf(queue)).toEqual([message('"body"', group, id)])
  })

  it('carries any JSON', async () => {
    const { queue } = await open(testClock())
    const chunks = [0, 0x40_00, 0x80_00, 0xc0_00].map((first) =>
      Array.from({ length: 0x40_00 }, (_, index) => String.fromCharCode(first + index)).join(''),
    )
    chunks.push('🐑\u{1FFFE}\u{10FFFF}')
    for (const [index, chunk] of chunks.entries())
      await queue.send(message(JSON.stringify(chunk), 'g', `${index}`))
    expect((await allOf(queue)).map(({ body }) => JSON.parse(body) as unknown)).toEqual(chunks)
  })

  it('sends 256 KiB, also of what grows on the way; the server itself has its limit at 1 MiB', async () => {
    const { queue, client, url } = await open(testClock())
    const body = JSON.stringify('\uFFFF'.repeat((maxMessageBytes - 2) / 3))
    await queue.send(message(body, 'g', 'largest'))
    const [largest] = await allOf(queue)
    expect(JSON.parse(largest?.body ?? '')).toBe(JSON.parse(body))
    await expect(queue.send(message(`${body}   `, 'g', 'more'))).rejects.toMatchObject({
      code: 'message-too-large',
      hint: `a message has at most ${maxMessageBytes} bytes`,
    })
    const raw = (sizeBytes: number) =>
      client.send(
        new SendMessageCommand({
          QueueUrl: url,
          MessageBody: 'x'.repeat(sizeBytes),
          MessageGroupId: 'g',
          MessageDeduplicationId: `${sizeBytes}`,
        }),
      )
    await raw(1024 * 1024)
    await expect(raw(1024 * 1024 + 1)).rejects.toThrow('MessageTooLong')
  })

  it('takes those of other groups while one is being taken, at most ten at once', async () => {
    const { queue } = await open(testClock())
    for (let index = 0; index < 12; index += 1) await queue.send(message(`${index}`, `group ${index}`))
    const taken = Promise.withResolvers<void>()
    const seen: string[] = []
    const receiving = queue.receive({ waitMs: 1000 }, async ({ body }) => {
      seen.push(body)
      if (seen.length === 10) taken.resolve()
      await taken.promise
    })
    expect(await receiving).toBe(10)
    expect(await allOf(queue)).toHaveLength(2)
  })

  it('survives being throttled, and trouble on the other side', async () => {
    const { queue, client } = await open(testClock())
    faulty(client, 'SendMessage', refused('RequestThrottled', 400), refused('ServiceUnavailable', 503))
    faulty(client, 'ReceiveMessage', refused('ThrottlingException', 400))
    faulty(client, 'DeleteMessage', refused('InternalFailure', 500))
    await queue.send(message('one'))
    expect(await allOf(queue)).toHaveLength(1)
    expect(await allOf(queue, 60_000)).toEqual([])
  })

  it('sends one message when the answer to the first try is lost', async () => {
    const { queue, client } = await open(testClock())
    faulty(client, 'SendMessage', answerLost)
    await queue.send(message('one'))
    expect(await allOf(queue, 60_000)).toHaveLength(1)
  })

  it('gives a message again whose removal failed, and says so', async () => {
    const warnings: unknown[] = []
    const warn: Log['warn'] = (event, fields) => warnings.push([event, fields])
    const { queue, client } = await open(testClock(), { ...silentLog, warn })
    faulty(client, 'DeleteMessage', refused('AccessDenied', 403, 'not authorized'))
    await queue.send(message('one'))
    expect(await allOf(queue)).toHaveLength(1)
    expect(warnings).toEqual([
      [
        'message not settled; it comes again',
        expect.objectContaining({
          error: expect.stringContaining('AccessDenied: not authorized'),
          hint: expect.stringContaining('sqs:DeleteMessage'),
        }),
      ],
    ])
    expect(await allOf(queue, 60_000)).toHaveLength(1)
    expect(await allOf(queue, 60_000)).toHaveLength(0)
  })

  it('settles what is in hand before it says that asking for more failed', async () => {
    const { queue, client } = await open(testClock())
    await queue.send(message('one'))
    faulty(client, 'ReceiveMessage', async () => {}, refused('AccessDenied', 403))
    let isTaken = false
    const receiving = queue.receive({ waitMs: 0 }, async () => {
      await systemClock.sleep(50)
      isTaken = true
    })
    await expect(receiving).rejects.toMatchObject({ code: 'access-denied' })
    expect(isTaken).toBe(true)
    expect(await allOf(queue, 60_000)).toEqual([])
  })

  it('says that the queue is gone, removed while somebody waits for messages', async () => {
    const clock = testClock()
    let polls = 0
    const { queue, queues, node, url } = await open({
      ...clock,
      sleep: async (ms) => {
        clock.pass(ms)
        polls += 1
        if (polls === 30) await queues.remove(node)
      },
    })
    await expect(queue.receive({ waitMs: 60_000 }, async () => {})).rejects.toMatchObject({
      code: 'no-queue',
      message: expect.stringContaining(url),
      hint: expect.stringContaining('joins'),
    })
  })

  it('ends a long poll at once when told to', async () => {
    const client = newClient()
    const name = `drover-${randomUUID()}.fifo`
    const url = await createQueue(client, name)
    const queue = sqsQueue({ client, clock: systemClock, log: silentLog }, { url, isFifo: true })
    const stopping = new AbortController()
    const receiving = queue.receive({ waitMs: 60_000, signal: stopping.signal }, async () => {})
    await systemClock.sleep(300)
    const stoppedAt = Date.now()
    stopping.abort(new Error('stop'))
    expect(await receiving).toBe(0)
    expect(Date.now() - stoppedAt).toBeLessThan(1000)
  })

  it('wakes from a true long poll when a message comes', async () => {
    const client = newClient()
    const url = await createQueue(client, `drover-${randomUUID()}.fifo`)
    const queue = sqsQueue({ client, clock: systemClock, log: silentLog }, { url, isFifo: true })
    const began = Date.now()
    const receiving = queue.receive({ waitMs: 20_000 }, async () => {})
    await systemClock.sleep(300)
    await queue.send(message('one'))
    expect(await receiving).toBe(1)
    expect(Date.now() - began).toBeLessThan(10_000)
  })

  it('carries bodies over a standard queue', async () => {
    const client = newClient()
    const clock = testClock()
    goByClock(client, clock, elasticmq)
    const url = await createQueue(client, `reports-${randomUUID()}`)
    const queue = sqsQueue({ client, clock, log: silentLog }, { url, isFifo: false })
    const values = ['{}', '\u0001🐑', '\uFFFE']
    for (const value of values) await queue.send(message(JSON.stringify(value)))
    const received = await allOf(queue)
    expect(new Set(received.map(({ body }) => JSON.parse(body) as unknown))).toEqual(new Set(values))
    expect(received[0]).toMatchObject({ group: '', deduplicationId: '' })
  })
})

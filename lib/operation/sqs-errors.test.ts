import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { silentLog } from '#lib/base/log.ts'
import { testClock } from './queue.contract.ts'
import { sqsClient, type SqsClientSettings } from './sqs-client.ts'
import { nodeQueues } from './sqs-node-queues.ts'
import { sqsQueue } from './sqs-queue.ts'

interface Answer {
  status: number
  /** As SQS writes it; JSON protocol. */
  type?: string
  message?: string
  queryError?: string
  body?: object
}

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

/** Not a queue: what ElasticMQ never says. Speaks SQS's protocol, as far as answers go: each request gets the next, the last one for ever. */
const startFakeSqs = async (...answers: Answer[]) => {
  const requests: { url: string; body: string }[] = []
  const reply = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    requests.push({ url: request.url ?? '', body })
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? { status: 200 }
    response.writeHead(answer.status, {
      'content-type': 'application/x-amz-json-1.0',
      ...(answer.queryError && { 'x-amzn-query-error': `${answer.queryError};Sender` }),
    })
    response.end(JSON.stringify(answer.body ?? { __type: answer.type, message: answer.message }))
  }
  const server = createServer((request, response) => void reply(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

const clientAt = (settings: SqsClientSettings) => {
  const credentials = {
    accessKeyId: 'DroverTest',
    secretAccessKey: 'drovercanary',
    sessionToken: 'drovercanary',
  }
  const client = sqsClient({ region: 'eu-west-1', credentials, maxAttempts: 1, ...settings })
  ends.push(() => client.destroy())
  return client
}

const queueAt = (settings: SqsClientSettings) => {
  const url = `${settings.endpoint}/123456789012/node.fifo`
  const client = clientAt(settings)
  return sqsQueue({ client, clock: testClock(), log: silentLog }, { url, isFifo: true })
}

const queuesAt = (endpoint: string, tags: Record<string, string> = {}) =>
  nodeQueues(
    { client: clientAt({ endpoint }) },
    {
      prefix: 'drover-node-',
      baseUrl: `${endpoint}/123456789012/`,
      deadLetterArn: 'arn:aws:sqs:eu-west-1:123456789012:dead.fifo',
      tags,
    },
  )

const message = { body: '{}', group: 'g', deduplicationId: 'id' }

describe('SQS, when it refuses', () => {
  it.each([
    { type: 'com.amazonaws.sqs#QueueDoesNotExist', status: 400, code: 'no-queue', hint: 'exists' },
    {
      type: 'AccessDeniedException',
      status: 400,
      code: 'access-denied',
      hint: 'let the role do sqs:SendMessage',
    },
    { type: 'AccessDenied', status: 403, code: 'access-denied', hint: 'let the role do sqs:SendMessage' },
    { type: 'com.amazonaws.sqs#InvalidSecurity', status: 400, code: 'access-denied', hint: 'let the role' },
    { type: 'com.amazonaws.sqs#KmsAccessDenied', status: 400, code: 'access-denied', hint: 'kms:Decrypt' },
    { type: 'ExpiredTokenException', status: 400, code: 'access-denied', hint: 'have expired' },
    {
      type: 'UnrecognizedClientException',
      status: 400,
      code: 'access-denied',
      hint: 'check the credentials',
    },
    { type: 'com.amazonaws.sqs#RequestThrottled', status: 400, code: 'throttled', hint: 'try again' },
    { type: 'ThrottlingException', status: 400, code: 'throttled', hint: 'try again' },
    { type: 'InternalFailure', status: 500, code: 'unreachable', hint: 'try again' },
    { type: 'ServiceUnavailable', status: 503, code: 'unreachable', hint: 'try again' },
    { type: 'com.amazonaws.sqs#InvalidAttributeValue', status: 400, code: 'failed', hint: 'template' },
  ])('says $code for $type', async ({ type, status, code, hint }) => {
    const { endpoint } = await startFakeSqs({ status, type, message: 'so it is' })
    const failure: unknown = await queueAt({ endpoint })
      .send(message)
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code,
      message: expect.stringMatching(/^SendMessage on queue http.*node\.fifo: \w+: so it is$/),
      hint: expect.stringContaining(hint),
    })
    expect(JSON.stringify(Object.entries((failure as Error).cause as object))).not.toContain('drovercanary')
  })

  it.each([
    { text: 'Signature expired: 20261123T000000Z is now earlier than 20261123T010000Z', hint: 'clock' },
    { text: 'Signature not yet current: 20261123T000000Z is still later than …', hint: 'clock' },
    { text: 'The request signature we calculated does not match', hint: 'check the credentials' },
  ])('tells a wrong clock from wrong keys: $text', async ({ text, hint }) => {
    const { endpoint } = await startFakeSqs({ status: 403, type: 'InvalidSignatureException', message: text })
    await expect(queueAt({ endpoint }).receive({ waitMs: 0 }, async () => {})).rejects.toMatchObject({
      code: 'access-denied',
      hint: expect.stringContaining(hint),
    })
  })

  it('knows an error by the name that its older protocol gave it', async () => {
    const { endpoint } = await startFakeSqs({
      status: 400,
      type: 'com.amazonaws.sqs#QueueDoesNotExist',
      queryError: 'AWS.SimpleQueueService.NonExistentQueue',
      message: 'The specified queue does not exist.',
    })
    await expect(queueAt({ endpoint }).send(message)).rejects.toMatchObject({ code: 'no-queue' })
    await queuesAt(endpoint).remove('node')
  })

  it('says that the name of a queue is blocked after its removal, and for how long', async () => {
    const { endpoint } = await startFakeSqs({
      status: 400,
      type: 'com.amazonaws.sqs#QueueDeletedRecently',
      queryError: 'AWS.SimpleQueueService.QueueDeletedRecently',
      message:
        'You must wait 60 seconds after deleting a queue before you can create another with the same name.',
    })
    await expect(queuesAt(endpoint).create('node')).rejects.toMatchObject({
      code: 'name-blocked',
      hint: 'SQS blocks the name of a queue for 60 s after its removal: try again in a minute',
    })
  })

  const exists = { status: 400, type: 'com.amazonaws.sqs#QueueNameExists', message: 'with other tags' }

  it('has a queue whose tags are others by now, and leaves them', async () => {
    const { endpoint, requests } = await startFakeSqs(exists, { status: 200, body: { QueueUrl: 'there' } })
    await queuesAt(endpoint, { ours: 'yes' }).create('node')
    const [first, second, ...more] = requests.map(({ body }) => JSON.parse(body) as object)
    expect(first).toEqual({ ...second, tags: { ours: 'yes' } })
    expect(second).toMatchObject({ Attributes: { FifoQueue: 'true', VisibilityTimeout: '30' } })
    expect([second, more]).toEqual([expect.not.objectContaining({ tags: expect.anything() }), []])
  })

  it('says that a queue is there with other attributes', async () => {
    const { endpoint, requests } = await startFakeSqs(exists)
    await expect(queuesAt(endpoint).create('node')).rejects.toMatchObject({
      code: 'failed',
      hint: expect.stringContaining('other attributes'),
    })
    expect(requests).toHaveLength(2)
  })

  it('says that nobody answers', async () => {
    await expect(queueAt({ endpoint: 'http://127.0.0.1:9' }).send(message)).rejects.toMatchObject({
      code: 'unreachable',
      hint: expect.stringContaining('network'),
    })
  })

  it('asks again when throttled, five times unless told otherwise', async () => {
    const throttled = { status: 503, type: 'ServiceUnavailable' }
    const { endpoint, requests } = await startFakeSqs(throttled)
    await expect(queueAt({ endpoint, maxAttempts: undefined }).send(message)).rejects.toMatchObject({
      code: 'unreachable',
    })
    expect(requests).toHaveLength(5)
  })
})

describe('SQS client', () => {
  it('goes through the proxy it is given, but not to hosts that need none', async () => {
    const proxy = await startFakeSqs({ status: 200, body: {} })
    const proxyEnv = { HTTP_PROXY: proxy.endpoint, NO_PROXY: '127.0.0.1' }
    const receive = (endpoint: string) =>
      queueAt({ endpoint, proxyEnv }).receive({ waitMs: 0 }, async () => {})
    await receive('http://sqs.invalid:9324')
    expect(proxy.requests.map(({ url }) => url)).toEqual(['http://sqs.invalid:9324/'])
    const straight = await startFakeSqs({ status: 200, body: {} })
    await receive(straight.endpoint)
    expect([straight.requests.length, proxy.requests.length]).toEqual([1, 1])
  })

  it('polls for 20 s at most, and waits longer than that on a silent connection', async () => {
    const { endpoint, requests } = await startFakeSqs({ status: 200, body: {} })
    const client = clientAt({ endpoint })
    const url = `${endpoint}/123456789012/node.fifo`
    const queue = sqsQueue({ client, clock: testClock(), log: silentLog }, { url, isFifo: true })
    expect(await queue.receive({ waitMs: 45_100 }, async () => {})).toBe(0)
    const asked = requests.map(({ body }) => JSON.parse(body) as object)
    const one = { QueueUrl: url, MaxNumberOfMessages: 1 }
    expect(asked).toMatchObject([20, 20, 6].map((WaitTimeSeconds) => ({ ...one, WaitTimeSeconds })))
    const { requestHandler } = client.config
    const limits = 'httpHandlerConfigs' in requestHandler && requestHandler.httpHandlerConfigs
    expect(typeof limits === 'function' && limits.call(requestHandler)).toMatchObject({
      socketTimeout: 30_000,
    })
  })
})

import { inspect } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import { getBytes, type ObjectStore, ObjectStoreError } from './object-store.ts'
import { s3Client, type S3ClientSettings } from './s3-client.ts'
import { answerError, type FakeAnswer, type FakeS3, startFakeS3 } from './s3-fake-server.ts'
import { s3ObjectStore, type S3ObjectStoreSettings } from './s3-object-store.ts'

const x = new Uint8Array([120])
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const retry = { maxTries: 5, maxTriesOnceAnswered: 7, firstWaitMs: 1, maxWaitMs: 5 }
const credentials = {
  accessKeyId: 'AKIDEXAMPLEFORTEST',
  secretAccessKey: 'secret/of+the-test',
  sessionToken: 'token-of-the-test',
}

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

const fake = async (
  conditions: 'ignored' | 'not implemented' = 'ignored',
  settings: Partial<S3ObjectStoreSettings> = {},
  clientSettings: Partial<S3ClientSettings> = {},
): Promise<{ server: FakeS3; store: ObjectStore }> => {
  const server = await startFakeS3(conditions)
  const client = s3Client({ region: 'eu-west-1', endpoint: server.endpoint, credentials, ...clientSettings })
  ends.push(async () => {
    client.destroy()
    await server.stop()
  })
  const store = s3ObjectStore(
    { client },
    { bucket: 'b', region: 'eu-west-1', prefix: 'p/', retry, ...settings },
  )
  return { server, store }
}

const cutConnection: FakeAnswer = (request) => {
  request.socket.destroy()
}

/** The first of four MiB, and no more. */
const cutBody: FakeAnswer = (_, response) => {
  response.writeHead(200, {
    etag: '"e"',
    'last-modified': new Date().toUTCString(),
    'content-length': 4 * MiB,
  })
  response.write(Buffer.alloc(MiB), () => response.destroy())
}

/** As AWS does, it tells what was signed. */
const echoSignature: FakeAnswer = (request, response) => {
  response.writeHead(403, { 'content-type': 'application/xml' })
  response.end(
    `<Error><Code>SignatureDoesNotMatch</Code><Message>no match</Message><AWSAccessKeyId>${credentials.accessKeyId}</AWSAccessKeyId>` +
      `<CanonicalRequest>x-amz-security-token:${String(request.headers['x-amz-security-token'])}</CanonicalRequest></Error>`,
  )
}

const failureOf = async (work: Promise<unknown>): Promise<ObjectStoreError> => {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof ObjectStoreError) return error
  throw new Error('no ObjectStoreError came', { cause: error })
}

describe('S3 object store: retries', () => {
  it.each([
    { title: '500', fault: answerError(500, 'InternalError') },
    { title: '503', fault: answerError(503, 'SlowDown') },
    { title: '409', fault: answerError(409, 'ConditionalRequestConflict') },
    { title: '429', fault: answerError(429, 'TooManyRequests') },
    { title: 'cut connection', fault: cutConnection },
  ])('sends a put again after a $title, and opens its stream again', async ({ fault }) => {
    const { server, store } = await fake()
    server.next.push(fault, fault)
    let opened = 0
    const open = () => {
      opened += 1
      return [text('ab'), text('cd')]
    }
    expect(await store.put('k', { sizeBytes: 4, open })).toMatchObject({ kind: 'stored' })
    expect([server.objects.get('/b/p/k')?.toString(), opened]).toEqual(['abcd', 3])
  })

  it('sends every other request again too', async () => {
    const { server, store } = await fake()
    await store.put('k', x)
    const fault = answerError(503, 'SlowDown')
    server.next.push(fault, undefined, fault, undefined)
    expect(await store.head('k')).toBeDefined()
    expect(await getBytes(store, 'k', { maxBytes: 1 })).toMatchObject({ bytes: Buffer.from('x') })
    expect(server.log).toHaveLength(5)
  })

  it('ends endless failures with what failed, where, and what to do', async () => {
    const { server, store } = await fake()
    for (let index = 0; index < 100; index += 1) server.next.push(answerError(503, 'SlowDown'))
    const error = await failureOf(store.put('k', x))
    expect(error).toMatchObject({ code: 'unreachable', hint: expect.stringContaining('AWS_ENDPOINTS') })
    expect(error.message).toContain('put of k in s3://b@eu-west-1/p/')
    expect(error.message).toContain(`${server.endpoint} said SlowDown: as ordered`)
    expect(error.cause).toMatchObject({ name: 'SlowDown', status: 503 })
    expect(server.log).toHaveLength(retry.maxTries)
  })

  it('is more patient with a store that has answered before', async () => {
    const { server, store } = await fake()
    await store.put('k', x)
    for (let index = 0; index < 100; index += 1) server.next.push(answerError(503, 'SlowDown'))
    expect(await failureOf(store.put('k', x))).toMatchObject({ code: 'unreachable' })
    expect(server.log).toHaveLength(1 + retry.maxTriesOnceAnswered)
  })

  it('ends at the deadline, with the last failure, in the middle of its retries', async () => {
    const slow = { maxTries: 100, maxTriesOnceAnswered: 100, firstWaitMs: 200, maxWaitMs: 200 }
    const { server, store } = await fake('ignored', { retry: slow })
    for (let index = 0; index < 100; index += 1) server.next.push(answerError(503, 'SlowDown'))
    const started = Date.now()
    const error = await failureOf(store.head('k', { deadlineMs: 400 }))
    expect(error).toMatchObject({ code: 'timeout', message: expect.stringContaining('within 0.4 s') })
    expect(error.cause).toMatchObject({ status: 503 })
    expect(Date.now() - started).toBeLessThan(2000)
  })

  it('ends at the deadline though the server never answers', async () => {
    const { server, store } = await fake()
    server.next.push(() => {})
    const error = await failureOf(store.head('k', { deadlineMs: 100 }))
    expect(error.code).toBe('timeout')
  })

  it('says unreachable where nobody listens', async () => {
    const { server, store } = await fake()
    await server.stop()
    const error = await failureOf(store.head('k'))
    expect(error).toMatchObject({ code: 'unreachable', message: expect.stringContaining('ECONNREFUSED') })
    expect(error.message).toContain(server.endpoint)
  })

  it('does not try again what TLS refused', async () => {
    const { server, store } = await fake()
    const client = s3Client({
      region: 'r',
      endpoint: server.endpoint.replace('http:', 'https:'),
      credentials,
    })
    ends.push(async () => client.destroy())
    const secure = s3ObjectStore(
      { client },
      { bucket: 'b', region: 'r', prefix: '', retry: { ...retry, firstWaitMs: 60_000 } },
    )
    expect(await failureOf(secure.head('k'))).toMatchObject({
      code: 'unreachable',
      hint: expect.stringContaining('AWS_CERT'),
    })
    expect(await store.head('k')).toBeUndefined()
  })

  it('does not try again what the caller forbade by a signal', async () => {
    const { server, store } = await fake('ignored', {
      retry: { maxTries: 9, maxTriesOnceAnswered: 9, firstWaitMs: 60_000, maxWaitMs: 60_000 },
    })
    for (let index = 0; index < 9; index += 1) server.next.push(answerError(503, 'SlowDown'))
    const controller = new AbortController()
    const reason = new Error('cancelled')
    setTimeout(() => controller.abort(reason), 50)
    await expect(store.head('k', { signal: controller.signal })).rejects.toBe(reason)
  })
})

describe('S3 object store: errors', () => {
  it.each([
    {
      status: 403,
      name: 'AccessDenied',
      code: 'access-denied',
      hint: 'allow s3:PutObject on arn:aws:s3:::b/p/k',
    },
    { status: 403, name: 'ExpiredToken', code: 'access-denied', hint: 'expired' },
    { status: 403, name: 'RequestTimeTooSkewed', code: 'access-denied', hint: 'clock' },
    { status: 404, name: 'NoSuchBucket', code: 'no-bucket', hint: 'name of the bucket' },
    { status: 301, name: 'PermanentRedirect', code: 'failed', hint: 'region' },
    { status: 400, name: 'AuthorizationHeaderMalformed', code: 'failed', hint: 'region' },
    { status: 507, name: 'XMinioStorageFull', code: 'no-space', hint: 'room' },
  ])('$name is $code', async ({ status, name, code, hint }) => {
    const { server, store } = await fake()
    for (let index = 0; index < retry.maxTries; index += 1) server.next.push(answerError(status, name))
    const error = await failureOf(store.put('k', x))
    expect(error).toMatchObject({ code, hint: expect.stringContaining(hint) })
    expect(error.message).toContain(name)
  })

  it('never takes a forbidden HEAD, or a broken one, for a missing object', async () => {
    const { server, store } = await fake()
    server.next.push((_, response) => response.writeHead(403).end())
    expect((await failureOf(store.head('k'))).code).toBe('access-denied')
    server.next.push((_, response) => response.writeHead(404).end())
    expect(await store.head('k')).toBeUndefined()
    for (let index = 0; index < retry.maxTriesOnceAnswered; index += 1) {
      server.next.push((_, response) => response.writeHead(500).end())
    }
    expect((await failureOf(store.head('k'))).code).toBe('unreachable')
  })

  it('says changed when a body is cut, and lets the process live when nobody reads it', async () => {
    const { server, store } = await fake()
    await store.put('k', new Uint8Array(4 * MiB))
    // getBytes reads five times before it gives up.
    server.next.push(cutBody, cutBody, cutBody, cutBody, cutBody, cutBody)
    const read = getBytes(store, 'k', { maxBytes: 4 * MiB })
    expect(await failureOf(read)).toMatchObject({ code: 'changed', cause: expect.any(Error) })
    const unread = await store.get('k')
    await new Promise((resolve) => {
      setTimeout(resolve, 50)
    })
    const body = unread?.body[Symbol.asyncIterator]()
    await expect(
      (async () => {
        while (!(await body?.next())?.done);
      })(),
    ).rejects.toMatchObject({ code: 'changed' })
  })

  it('gives up a body that stalls at the deadline', async () => {
    const { server, store } = await fake()
    server.next.push((_, response) => {
      response.writeHead(200, {
        etag: '"e"',
        'last-modified': new Date().toUTCString(),
        'content-length': 10,
      })
      response.write('abc')
    })
    const read = getBytes(store, 'k', { maxBytes: 10, deadlineMs: 150 })
    expect((await failureOf(read)).code).toBe('timeout')
  })

  it('never shows credentials, however an error is printed', async () => {
    const { server, store } = await fake()
    server.next.push(echoSignature)
    const error = await failureOf(store.put('k', x))
    expect(error.code).toBe('access-denied')
    const printed = inspect(error, { depth: null, showHidden: true })
    for (const secret of Object.values(credentials)) expect(printed).not.toContain(secret)
    expect(store.description).toBe('s3://b@eu-west-1/p/')
  })
})

describe('S3 object store: servers without conditional writes', () => {
  it.each(['ignored', 'not implemented'] as const)('checks itself where they are %s', async (conditions) => {
    const { server, store } = await fake(conditions)
    const absent = { condition: { kind: 'absent' } } as const
    const first = await store.put('k', text('first'), absent)
    expect(first).toMatchObject({ kind: 'stored', etag: (await store.head('k'))?.etag })
    expect(await store.put('k', text('second'), absent)).toEqual({ kind: 'refused' })
    const etag = first.kind === 'stored' ? first.etag : ''
    const unchanged = { condition: { kind: 'unchanged', etag } } as const
    expect(await store.put('k', text('third'), unchanged)).toMatchObject({ kind: 'stored' })
    expect(await store.put('k', text('fourth'), unchanged)).toEqual({ kind: 'refused' })
    expect(await store.put('new', x, unchanged)).toEqual({ kind: 'refused' })
    expect([...server.objects].map(([key, bytes]) => `${key} ${bytes.toString()}`)).toEqual(['/b/p/k third'])
  })

  it('never overwrites what is there, even by its very first put', async () => {
    const { server, store } = await fake('ignored')
    server.objects.set('/b/p/k', Buffer.from('before'))
    expect(await store.put('k', x, { condition: { kind: 'absent' } })).toEqual({ kind: 'refused' })
    expect(server.objects.get('/b/p/k')?.toString()).toBe('before')
  })

  it('probes once, with a small put, and remembers', async () => {
    const { server, store } = await fake('ignored')
    const absent = { condition: { kind: 'absent' } } as const
    const zeros = `"${'0'.repeat(32)}"`
    await store.put('large', new Uint8Array(5000), absent)
    expect(server.log.splice(0)).toEqual(['HEAD /b/p/large', 'PUT /b/p/large *'])
    await store.put('small', x, absent)
    expect(server.log.splice(0)).toEqual([
      'HEAD /b/p/small',
      'PUT /b/p/small *',
      'PUT /b/p/small *',
      `PUT /b/p/small ${zeros}`,
    ])
    await store.put('later', x, absent)
    expect(server.log.splice(0)).toEqual(['HEAD /b/p/later', 'PUT /b/p/later'])
  })

  it('takes no time to look where conditions are known to be native', async () => {
    const { server, store } = await fake('ignored', { conditionalWrites: 'native' })
    await store.put('k', x, { condition: { kind: 'absent' } })
    expect(server.log).toEqual(['PUT /b/p/k *'])
  })

  it('says so where conditions were wrongly taken for native', async () => {
    const { store } = await fake('not implemented', { conditionalWrites: 'native' })
    const error = await failureOf(store.put('k', x, { condition: { kind: 'absent' } }))
    expect(error).toMatchObject({ code: 'failed', hint: expect.stringContaining('AWS_ENDPOINTS') })
  })

  it('gives a put that nobody guards no more than 30 s', async () => {
    const { server, store } = await fake('ignored')
    await store.put('k', x, { condition: { kind: 'absent' } })
    server.next.push(undefined, () => {})
    const started = Date.now()
    const put = store.put('new', x, { condition: { kind: 'absent' }, deadlineMs: 100 })
    expect((await failureOf(put)).code).toBe('timeout')
    expect(Date.now() - started).toBeLessThan(2000)
  })
})

describe('S3 client', () => {
  it('refuses a CA bundle without a certificate', () => {
    expect(() => s3Client({ region: 'r', caPem: 'not a certificate' })).toThrow('the CA bundle')
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
    expect(() => s3Client({ region: 'r', caPem: broken })).toThrow('the CA bundle')
  })

  it.each([
    { endpoint: undefined, virtualHostedStyle: undefined, isPathStyle: false },
    { endpoint: 'http://127.0.0.1:9', virtualHostedStyle: undefined, isPathStyle: true },
    { endpoint: 'http://127.0.0.1:9', virtualHostedStyle: true, isPathStyle: false },
    { endpoint: undefined, virtualHostedStyle: false, isPathStyle: true },
  ])('uses path style: $isPathStyle for $endpoint, $virtualHostedStyle', ({ isPathStyle, ...settings }) => {
    const client = s3Client({ region: 'r', ...settings })
    expect(client.config.forcePathStyle).toBe(isPathStyle)
  })

  it('goes through the proxy it is given', async () => {
    const proxy = await startFakeS3('ignored')
    ends.push(() => proxy.stop())
    const { server, store } = await fake(
      'ignored',
      {},
      {
        endpoint: 'http://s3.invalid:9000',
        proxy: { httpProxy: proxy.endpoint },
      },
    )
    await store.put('k', x)
    expect(proxy.log).toEqual(['PUT http://s3.invalid:9000/b/p/k'])
    expect(server.log).toEqual([])
  })

  it('goes round the proxy where it is told to', async () => {
    const { server, store } = await fake(
      'ignored',
      {},
      {
        proxy: { httpProxy: 'http://127.0.0.1:9', noProxy: '127.0.0.1' },
      },
    )
    await store.put('k', x)
    expect(server.log).toEqual(['PUT /b/p/k'])
  })
})

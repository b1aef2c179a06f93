/**
 * Credentials that end, and that may do little: what MinIO cannot be made to answer.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { CodedError } from '#lib/base/errors.ts'
import type { ObjectStore } from './object-store.ts'
import { s3Client } from './s3-client.ts'
import { answerError, type FakeAnswer, type FakeS3, startFakeS3 } from './s3-fake-server.ts'
import { s3ObjectStore, type S3ObjectStoreSettings } from './s3-object-store.ts'

const x = new Uint8Array([120])
const keysNamed = (name: string) => ({
  accessKeyId: name,
  secretAccessKey: 'hush',
  sessionToken: `token of ${name}`,
  expiration: new Date(Date.now() + 3600_000),
})

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

type Provider = (options?: { forceRefresh?: boolean }) => Promise<ReturnType<typeof keysNamed>>

const fake = async (
  credentials: Provider,
  settings: Partial<S3ObjectStoreSettings> = {},
): Promise<{ server: FakeS3; store: ObjectStore }> => {
  const server = await startFakeS3('ignored')
  const client = s3Client({ region: 'eu-west-1', endpoint: server.endpoint, credentials })
  ends.push(async () => {
    client.destroy()
    await server.stop()
  })
  const store = s3ObjectStore({ client }, { bucket: 'b', region: 'eu-west-1', prefix: 'p/', ...settings })
  return { server, store }
}

/** Its first are good for nothing. */
const renewing = () => {
  const state = { asked: 0 }
  const provider: Provider = async () => keysNamed(`key-${++state.asked}`)
  return { state, provider }
}

const firstPage = async (store: ObjectStore) => {
  for await (const page of store.list('x')) return page
  return undefined
}

const signedBy = (request: Parameters<FakeAnswer>[0]): string =>
  /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? ''

const bare400: FakeAnswer = (_, response) => response.writeHead(400).end()

describe('credentials that have ended', () => {
  it('are had anew, and what was refused is sent again', async () => {
    const { state, provider } = renewing()
    const { server, store } = await fake(provider)
    server.next.push(answerError(400, 'ExpiredToken'))
    expect(await store.put('k', x)).toMatchObject({ kind: 'stored' })
    expect(server.log).toEqual(['PUT /b/p/k', 'PUT /b/p/k'])
    expect(state.asked).toBe(2)
  })

  it('are had anew where a HEAD has no word for it', async () => {
    const { state, provider } = renewing()
    const { server, store } = await fake(provider)
    await store.put('k', x)
    server.next.push(bare400)
    expect(await store.head('k')).toMatchObject({ sizeBytes: 1 })
    expect(state.asked).toBe(2)
  })

  it('are had anew once for all requests under way', async () => {
    const { state, provider } = renewing()
    const { server, store } = await fake(provider)
    await store.put('k', x)
    const onlyNew: FakeAnswer = (request, response) => {
      if (signedBy(request) === 'key-1') answerError(400, 'ExpiredToken')(request, response)
      else
        response
          .writeHead(200, { etag: '"e"', 'content-length': 1, 'last-modified': new Date().toUTCString() })
          .end()
    }
    server.next.push(...Array.from({ length: 32 }, () => onlyNew))
    await Promise.all(Array.from({ length: 16 }, () => store.head('k')))
    expect(state.asked).toBe(2)
  })

  it('are asked for once a request: the second refusal is its end', async () => {
    const { state, provider } = renewing()
    const { server, store } = await fake(provider)
    server.next.push(answerError(400, 'ExpiredToken'), answerError(400, 'ExpiredToken'))
    await expect(store.put('k', x)).rejects.toMatchObject({ code: 'access-denied' })
    expect(state.asked).toBe(2)
  })

  it('are not sent again when there are no others', async () => {
    const { server, store } = await fake(async () => keysNamed('the-same'))
    server.next.push(answerError(400, 'ExpiredToken'))
    await expect(store.put('k', x)).rejects.toMatchObject({ code: 'access-denied' })
    expect(server.log).toHaveLength(1)
  })

  it('that cannot be had anew end the request with the reason and what to do', async () => {
    class Refused extends CodedError<'refused'> {}
    const refused = new Refused('refused', 'not any more', { hint: 'ask the boss' })
    const { store } = await fake(() => Promise.reject(refused))
    await expect(store.put('k', x)).rejects.toBe(refused)
    await expect(store.head('k')).rejects.toBe(refused)
  })
})

const listing =
  (...keys: string[]): FakeAnswer =>
  (_, response) => {
    const contents = keys.map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`).join('')
    response.writeHead(200, { 'content-type': 'application/xml' })
    response.end(`<ListBucketResult>${contents}</ListBucketResult>`)
  }

describe('a missing right', () => {
  const once = (settings?: Partial<S3ObjectStoreSettings>) => fake(async () => keysNamed('narrow'), settings)

  it('is told with action and resource, and whose it is where the server says that', async () => {
    const { server, store } = await once()
    const by = 'arn:aws:sts::1:assumed-role/backups/restore-backup.op-1'
    server.next.push((_, response) => {
      response.writeHead(403, { 'content-type': 'application/xml' })
      response.end(`<Error><Code>AccessDenied</Code><Message>User: ${by} is not authorized</Message></Error>`)
    })
    await expect(store.put('k', x)).rejects.toMatchObject({
      message: expect.stringContaining('may not s3:PutObject on arn:aws:s3:::b/p/k: '),
      hint: expect.stringMatching(`allow s3:PutObject on arn:aws:s3:::b/p/k in the policy of ${by}`),
    })
    server.next.push(answerError(403, 'AccessDenied'))
    await expect(store.deleteMany(['k'])).rejects.toThrow('may not s3:DeleteObject on arn:aws:s3:::b/p/k')
    server.next.push(answerError(403, 'AccessDenied'))
    await expect(firstPage(store)).rejects.toThrow('may not s3:ListBucket on arn:aws:s3:::b')
  })

  it('to know of a missing object is made up for by a listing of its folder', async () => {
    const { server, store } = await once()
    server.next.push((_, response) => response.writeHead(403).end(), listing())
    expect(await store.head('k')).toBeUndefined()
    server.next.push(answerError(403, 'AccessDenied'), listing('p/k2'))
    expect(await store.get('k')).toBeUndefined()
  })

  it('to know that what a put is to replace is gone counts as gone', async () => {
    const { server, store } = await once({ conditionalWrites: 'native' })
    server.next.push(answerError(403, 'AccessDenied'), listing())
    const condition = { kind: 'unchanged', etag: '"gone"' } as const
    expect(await store.put('k', x, { condition })).toEqual({ kind: 'refused' })
    server.next.push(answerError(403, 'AccessDenied'), listing('p/k'))
    await expect(store.put('k', x, { condition })).rejects.toMatchObject({ code: 'access-denied' })
  })

  it('to read an object that is there is told', async () => {
    const { server, store } = await once()
    server.next.push(answerError(403, 'AccessDenied'), listing('p/k'))
    await expect(store.get('k')).rejects.toMatchObject({ code: 'access-denied' })
    server.next.push(answerError(403, 'AccessDenied'), answerError(403, 'AccessDenied'))
    await expect(store.get('k')).rejects.toMatchObject({ code: 'access-denied' })
  })
})

import { CreateBucketCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Minio, startMinio } from '#test/oracles/minio.ts'
import { objectStoreContract } from './object-store.contract.ts'
import { getBytes, type ObjectStore } from './object-store.ts'
import { s3Client } from './s3-client.ts'
import { s3ObjectStore } from './s3-object-store.ts'

const region = 'us-east-1'
const bucket = 'drover'
let minio: Minio
let client: S3Client
let count = 0

const clientWith = (accessKeyId: string, secretAccessKey: string): S3Client =>
  s3Client({ region, endpoint: minio.endpoint, credentials: { accessKeyId, secretAccessKey } })

const newPrefix = (): string => {
  count += 1
  return `store +%ä ${count}/`
}

const storeAt = (prefix: string, conditionalWrites: 'native' | 'probe' = 'native') =>
  s3ObjectStore({ client }, { bucket, region, prefix, conditionalWrites })

beforeAll(async () => {
  minio = await startMinio()
  client = clientWith(minio.accessKey, minio.secretKey)
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
})

afterAll(async () => {
  client?.destroy()
  await minio?.stop()
})

objectStoreContract('S3 on MinIO', { makeStore: () => storeAt(newPrefix()), namesMayBeFolders: true })
objectStoreContract('S3 on MinIO, conditions probed', {
  makeStore: () => storeAt(newPrefix(), 'probe'),
  namesMayBeFolders: true,
})

const firstPage = async (store: ObjectStore) => {
  for await (const page of store.list('')) return page
  return undefined
}

const x = new Uint8Array([120])

describe('S3 object store on MinIO', () => {
  it('says that there is no such bucket', async () => {
    const store = s3ObjectStore({ client }, { bucket: 'no-such-bucket', region, prefix: '' })
    const refused = { code: 'no-bucket', hint: expect.stringContaining('bucket') }
    await expect(firstPage(store)).rejects.toMatchObject(refused)
    await expect(store.put('a', x)).rejects.toMatchObject(refused)
    await expect(store.get('a')).rejects.toMatchObject(refused)
    await expect(store.deleteMany(['a', 'b'])).rejects.toMatchObject(refused)
  })

  it.each([
    {
      title: 'key',
      newClient: () => clientWith('wrong-key', minio.secretKey),
      name: 'InvalidAccessKeyId',
    },
    {
      title: 'secret',
      newClient: () => clientWith(minio.accessKey, 'wrong-secret'),
      name: 'SignatureDoesNotMatch',
    },
  ])('refuses a wrong $title, also for a HEAD, and says what to check', async ({ newClient, name }) => {
    const stranger = newClient()
    const store = s3ObjectStore({ client: stranger }, { bucket, region, prefix: newPrefix() })
    const refused = { code: 'access-denied', hint: expect.stringContaining('check') }
    await expect(store.head('a')).rejects.toMatchObject(refused)
    await expect(store.put('a', x)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining(name),
    })
    stranger.destroy()
  })

  it('goes by the clock of the server where ours is hours off, also after ours is set right', async () => {
    const prefix = newPrefix()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 7_200_000 })
    try {
      expect((await storeAt(prefix).put('a', x)).kind).toBe('stored')
    } finally {
      vi.useRealTimers()
    }
    expect((await storeAt(prefix).put('b', x)).kind).toBe('stored')
  })

  it('keeps stores of other prefixes apart', async () => {
    const prefix = newPrefix()
    const [outer, inner] = [storeAt(prefix), storeAt(`${prefix}inner/`)]
    await inner.put('a', x)
    await outer.put('inner-not/a', x)
    expect(await firstPage(inner)).toEqual({
      objects: [{ key: 'a', sizeBytes: 1 }],
      folders: [],
    })
    expect(await getBytes(outer, 'inner/a', { maxBytes: 1 })).toMatchObject({ head: { key: 'inner/a' } })
  })

  it('passes over the folders that consoles make', async () => {
    const prefix = newPrefix()
    const store = storeAt(prefix)
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: prefix, ContentLength: 0 }))
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}folder/`, ContentLength: 0 }))
    await store.put('folder/a', x)
    expect(await firstPage(store)).toEqual({
      objects: [{ key: 'folder/a', sizeBytes: 1 }],
      folders: [],
    })
  })

  it('goes on after MinIO closed the connection of a refused put', async () => {
    const store = storeAt(newPrefix())
    await store.put('k', x)
    for (let index = 0; index < 20; index += 1) {
      expect(await store.put('k', x, { condition: { kind: 'absent' } })).toEqual({ kind: 'refused' })
      expect(await store.head('k')).toBeDefined()
    }
  })

  it('finds out by probing that MinIO has conditional writes, and leaves the object as it was put', async () => {
    const store = storeAt(newPrefix(), 'probe')
    const first = await store.put('k', x, { condition: { kind: 'absent' } })
    expect(first).toMatchObject({ kind: 'stored', etag: (await store.head('k'))?.etag })
    expect(await getBytes(store, 'k', { maxBytes: 1 })).toMatchObject({ bytes: Buffer.from('x') })
  })
})

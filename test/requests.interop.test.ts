/**
 * The HTTP requests that a real S3 server answers, counted where the SDK gets them from its connection: no retry and no probe hides.
 */
import { CreateBucketCommand, type S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#lib/base/clock.ts'
import { memoryTarget } from '#lib/backup/memory-volume.ts'
import { s3Client } from '#lib/object-store/s3-client.ts'
import { s3ObjectStore } from '#lib/object-store/s3-object-store.ts'
import { imageOf } from './letter-volume.ts'
import { startMinio, type Minio } from './oracles/minio.ts'
import { volumeActions } from './volume-actions.ts'

const [region, bucket] = ['us-east-1', 'drover']
let minio: Minio
let client: S3Client
let requests: string[] = []

/** Every request that was answered (MinIO closes connections on which others then hang up), by its name in the API: `PutObject`. */
const countRequests = (of: S3Client): void => {
  of.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const answer = await next(args)
        requests.push(commandName.replace(/Command$/, ''))
        return answer
      },
    { step: 'deserialize', priority: 'low', name: 'countRequests' },
  )
}

beforeAll(async () => {
  minio = await startMinio()
  const credentials = { accessKeyId: minio.accessKey, secretAccessKey: minio.secretKey }
  client = s3Client({ region, endpoint: minio.endpoint, credentials })
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  countRequests(client)
})

afterAll(async () => {
  client?.destroy()
  await minio?.stop()
})

const count = (name?: string): number => requests.filter((each) => name === undefined || each === name).length

/** `probe`: a process that has to find out, with two puts of its lock, whether the server has conditional writes. */
describe.each(['native', 'probe'] as const)('on MinIO, conditional writes %s,', (conditionalWrites) => {
  /** A process of its own: one that has found out nothing of the server yet. */
  const newProcess = () =>
    volumeActions({
      store: s3ObjectStore(
        { client },
        { bucket, region, prefix: `${conditionalWrites}/`, conditionalWrites },
      ),
      clock: systemClock,
    })
  beforeAll(async () => {
    await newProcess().backup('b1', 'ABcDEFGHAB..')
  })
  beforeEach(() => {
    requests = []
  })

  it('an incremental backup makes at most 12 requests more than blocks changed, one of them a LIST', async () => {
    const result = await newProcess().backup('b2', 'ABcDXYGHZB.Q')
    expect(result.newBlocks).toBe(4)
    expect(count()).toBeLessThanOrEqual(4 + 12)
    expect(count('ListObjectsV2')).toBe(1)
  })

  it('a backup with nothing new makes at most 12 requests', async () => {
    expect((await newProcess().backup('b3', 'ABcDXYGHZB.Q')).newBlocks).toBe(0)
    expect(count()).toBeLessThanOrEqual(12)
    expect(count('ListObjectsV2')).toBe(1)
  })

  it('a restore makes one GET for each distinct block and two more', async () => {
    const target = memoryTarget()
    await newProcess().restore('b1', target)
    expect(Buffer.compare(target.content(), imageOf('ABcDEFGHAB..'))).toBe(0)
    expect(requests).toEqual(Array.from({ length: 8 + 2 }, () => 'GetObject'))
  })

  it('a restore onto an earlier backup makes one for each distinct block that differs and three more', async () => {
    const target = memoryTarget(imageOf('ABcDEFGHAB..'))
    await newProcess().restore('b2', target, { fromBackupName: 'b1' })
    expect(Buffer.compare(target.content(), imageOf('ABcDXYGHZB.Q'))).toBe(0)
    expect(requests).toEqual(Array.from({ length: 4 + 3 }, () => 'GetObject'))
  })
})

/**
 * A bucket that keeps versions, as the template makes it: Drover works in it as in any other, and what somebody with a node's credentials
 * destroyed comes back as docs/deploy-aws.md says, "After deletions".
 */
import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '#lib/base/clock.ts'
import { memoryTarget } from '#lib/backup/memory-volume.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { s3Client } from '#lib/object-store/s3-client.ts'
import { s3ObjectStore } from '#lib/object-store/s3-object-store.ts'
import { imageOf } from './letter-volume.ts'
import { startMinio, type Minio } from './oracles/minio.ts'
import { volumeActions, volumeName } from './volume-actions.ts'

const [region, Bucket] = ['us-east-1', 'drover']
const { folder, volumeConfig } = volumeKeys(volumeName)
let minio: Minio
let client: S3Client

beforeAll(async () => {
  minio = await startMinio()
  const credentials = { accessKeyId: minio.accessKey, secretAccessKey: minio.secretKey }
  client = s3Client({ region, endpoint: minio.endpoint, credentials })
  await client.send(new CreateBucketCommand({ Bucket }))
  const VersioningConfiguration = { Status: 'Enabled' as const }
  await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }))
})

afterAll(async () => {
  client?.destroy()
  await minio?.stop()
})

/** Versions and marks of deletion, which S3 keeps as versions. */
const versionsSince = async (time: Date) => {
  const { Versions = [], DeleteMarkers = [] } = await client.send(
    new ListObjectVersionsCommand({ Bucket, Prefix: folder }),
  )
  return [...Versions, ...DeleteMarkers]
    .filter(({ LastModified }) => LastModified !== undefined && LastModified > time)
    .map(({ Key, VersionId }) => ({ Key, VersionId }))
}

const destroy = async (store: ReturnType<typeof s3ObjectStore>): Promise<void> => {
  const keys: string[] = []
  for await (const { objects } of store.list(folder)) keys.push(...objects.map(({ key }) => key))
  await store.put(volumeConfig, Buffer.from('spoilt'))
  await store.deleteMany(keys.filter((key) => key !== volumeConfig))
}

it('brings back what was deleted and written over', async () => {
  const store = s3ObjectStore({ client }, { bucket: Bucket, region, prefix: '' })
  const volume = volumeActions({ store, clock: systemClock })
  await volume.backup('b1', 'ABcD')
  await volume.backup('b2', 'ABXD')
  await volume.remove('b1')
  await systemClock.sleep(1100)
  const before = new Date()
  await destroy(store)
  await expect(volume.backup('b3', 'ABXY')).rejects.toMatchObject({ code: 'invalid-config' })

  const Objects = await versionsSince(before)
  await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))

  const target = memoryTarget()
  await volume.restore('b2', target)
  expect(Buffer.compare(target.content(), imageOf('ABXD'))).toBe(0)
  await volume.backup('b3', 'ABXY')
  expect((await volume.verify()).bad).toEqual([])
})

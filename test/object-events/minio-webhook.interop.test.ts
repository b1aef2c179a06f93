/**
 * What another writer puts into a bucket is in the catalog a moment later, told by MinIO's webhook alone.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CreateBucketCommand, PutBucketNotificationConfigurationCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiClient, type ApiClient } from '#lib/api/client.ts'
import { readLocalServer } from '#lib/api/local-server.ts'
import { requests } from '#lib/api/requests.ts'
import { systemClock } from '#lib/base/clock.ts'
import { gathered } from '#lib/base/gathered.ts'
import { randomIds } from '#lib/base/ids.ts'
import { silentLog } from '#lib/base/log.ts'
import { MiB } from '#lib/base/sizes.ts'
import { s3Client } from '#lib/object-store/s3-client.ts'
import { drover } from '#test/drover-process.ts'
import { startMinio, type Minio } from '#test/oracles/minio.ts'
import { startStandalone, type Standalone } from '../../standalone/standalone.ts'

const bucket = 'backups'
const url = `s3://${bucket}@us-east-1/prod/`

let folder: string
let service: Standalone
let client: ApiClient
let minio: Minio
let credentials: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-webhook-'))
  service = await startStandalone({
    folder: join(folder, 'data'),
    listen: { host: '127.0.0.1', port: 0 },
    hasAgents: false,
    clock: systemClock,
    ids: randomIds,
    log: silentLog,
    env: {},
  })
  const local = await readLocalServer(join(folder, 'data'))
  if (!local) throw new Error('no server.json')
  client = apiClient(requests(local))
  const { token } = await client.tokens.create({ name: 'minio', role: 'operator' })
  minio = await startMinio({
    MINIO_NOTIFY_WEBHOOK_ENABLE_DROVER: 'on',
    MINIO_NOTIFY_WEBHOOK_ENDPOINT_DROVER: `${service.url}/v1/object-events`,
    MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_DROVER: token,
  })
  credentials = {
    AWS_ACCESS_KEY_ID: minio.accessKey,
    AWS_SECRET_ACCESS_KEY: minio.secretKey,
    AWS_ENDPOINTS: minio.endpoint,
  }
  const s3 = s3Client({
    region: 'us-east-1',
    endpoint: minio.endpoint,
    credentials: { accessKeyId: minio.accessKey, secretAccessKey: minio.secretKey },
  })
  await s3.send(new CreateBucketCommand({ Bucket: bucket }))
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: bucket,
      NotificationConfiguration: {
        QueueConfigurations: [
          {
            QueueArn: 'arn:minio:sqs::DROVER:webhook',
            Events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:*'],
            Filter: { Key: { FilterRules: [{ Name: 'suffix', Value: '.cfg' }] } },
          },
        ],
      },
    }),
  )
  await client.settings.put('backupstore-poll-interval', 0)
  await client.secrets.put('minio', credentials)
  await client.targets.create({ name: 'store', url, credential: 'minio' })
})
afterAll(async () => {
  await service.stop()
  await minio.stop()
  await rm(folder, { recursive: true })
})

const command = async (...args: string[]): Promise<void> => {
  const { code, stderr } = await drover(folder, args, credentials)
  if (code !== 0) throw new Error(stderr)
}

const backupsNow = async (): Promise<string[]> => {
  const volumes = await gathered(client.backups.listVolumes('store'))
  if (volumes.length === 0) return []
  return (await gathered(client.backups.list('store', 'other'))).map(({ name }) => name).toSorted()
}

const until = async (wanted: readonly string[]): Promise<void> => {
  for (let tries = 0; tries < 100; tries++) {
    if (JSON.stringify(await backupsNow()) === JSON.stringify(wanted)) return
    await systemClock.sleep(100)
  }
  expect(await backupsNow()).toEqual(wanted)
}

describe("MinIO's webhook", () => {
  it('tells of what others write, and of what they delete', async () => {
    await writeFile(join(folder, 'disk.img'), randomBytes(6 * MiB))
    const create = ['backup', 'create', '--from', 'disk.img', '--to', url, '--volume', 'other', '--name']
    expect(await backupsNow()).toEqual([])
    await command(...create, 'backup-one')
    await until(['backup-one'])
    await command(...create, 'backup-two')
    await until(['backup-one', 'backup-two'])
    await command('backup', 'delete', `${url}?backup=backup-one&volume=other`, '--yes')
    await until(['backup-two'])
  })

  it('is not needed to find all of it again', async () => {
    await client.targets.remove('store')
    expect(await gathered(client.targets.list())).toEqual([])
    await client.targets.create({ name: 'store', url, credential: 'minio' })
    expect(await client.targets.index('store')).toMatchObject({ volumes: 1, backups: 1, problems: [] })
    expect(await backupsNow()).toEqual(['backup-two'])
  })
})

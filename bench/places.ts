/**
 * @module places: where backups go: an empty folder, or an empty bucket of a MinIO of our own.
 */
import { createHmac } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { CreateBucketCommand } from '@aws-sdk/client-s3'
import { s3Client } from '#lib/object-store/s3-client.ts'
import { startMinio, type Minio } from '#test/oracles/minio.ts'

export type PlaceKind = 'folder' | 'minio'

export interface S3Place {
  kind: 'minio'
  endpoint: string
  bucket: string
  region: string
  accessKey: string
  secretKey: string
}

export type Place = { kind: 'folder'; path: string } | S3Place

export interface OpenPlace {
  place: Place
  /** Since it was opened: requests answered, and CPU time of the server. A folder has none. */
  server: () => Promise<{ requests: number; cpuSeconds: number } | undefined>
  /** Removes it. */
  close: () => Promise<void>
}

export const region = 'us-east-1'

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')

/** As `mc admin prometheus generate` makes it: the metrics are for who has the root keys. */
const metricsToken = ({ accessKey, secretKey }: Minio): string => {
  const claims = { iss: 'prometheus', sub: accessKey, exp: Math.floor(Date.now() / 1000) + 3600 }
  const signed = `${encode({ alg: 'HS512', typ: 'JWT' })}.${encode(claims)}`
  return `${signed}.${createHmac('sha512', secretKey).update(signed).digest('base64url')}`
}

/** Of version 3, which are not cached. The values of one metric, added up. */
const metric = async (minio: Minio, path: string, name: string): Promise<number> => {
  const answer = await fetch(`${minio.endpoint}/minio/metrics/v3${path}`, {
    headers: { authorization: `Bearer ${metricsToken(minio)}` },
  })
  if (!answer.ok) throw new Error(`MinIO's metrics ${path} answer ${answer.status}`)
  return (await answer.text())
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

const bucketTries = 50

/** Once it says that it is ready, MinIO still refuses requests for a moment ("Server not initialized yet"). */
const makeBucket = async (place: S3Place): Promise<void> => {
  const client = clientFor(place)
  for (let tries = 1; ; tries++) {
    try {
      await client.send(new CreateBucketCommand({ Bucket: place.bucket }))
      break
    } catch (error) {
      if (tries === bucketTries) throw error
      await delay(200)
    }
  }
  client.destroy()
}

const openMinio = async (): Promise<OpenPlace> => {
  const minio = await startMinio()
  const { endpoint, accessKey, secretKey } = minio
  const place: S3Place = { kind: 'minio', endpoint, bucket: 'backups', region, accessKey, secretKey }
  await makeBucket(place).catch(async (error: unknown) => {
    await minio.stop()
    throw error
  })
  return {
    place,
    server: async () => ({
      requests: await metric(minio, '/api/requests', 'minio_api_requests_total'),
      cpuSeconds: await metric(minio, '/system/process', 'minio_system_process_cpu_total_seconds'),
    }),
    close: minio.stop,
  }
}

const openFolder = async (parent: string): Promise<OpenPlace> => {
  const path = join(parent, 'backups')
  await mkdir(path)
  return {
    place: { kind: 'folder', path },
    server: async () => undefined,
    close: () => rm(path, { recursive: true, force: true }),
  }
}

export const openPlace = (kind: PlaceKind, parent: string): Promise<OpenPlace> =>
  kind === 'minio' ? openMinio() : openFolder(parent)

export const clientFor = ({ endpoint, accessKey, secretKey }: S3Place) =>
  s3Client({
    region,
    endpoint,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  })

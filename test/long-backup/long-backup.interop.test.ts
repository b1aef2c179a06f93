/**
 * What a user can do during a long backup, on the service as it is started; with credentials that must be found nowhere.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CreateBucketCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ApiClient } from '#lib/api/client.ts'
import { RequestError } from '#lib/api/requests.ts'
import type { OperationView } from '#lib/api/views.ts'
import { systemClock } from '#lib/base/clock.ts'
import { gathered } from '#lib/base/gathered.ts'
import { MiB } from '#lib/base/sizes.ts'
import { s3Client } from '#lib/object-store/s3-client.ts'
import { killableService, type Service } from '#test/kills/killable-service.ts'
import { canary, startMinio, type Minio } from '#test/oracles/minio.ts'
import { noPools } from '#test/pool-file-system.ts'
import { filesWith, watchCommandLines } from './secrets-out.ts'
import { startSlowStore, type SlowStore } from './slow-store.ts'

const reason = noPools()
if (reason) console.log(`skipped: during a long backup: ${reason}`)

const job = 'hourly'
const bucket = 'backups'
const [large, small] = ['large', 'small']

const until = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
  for (const untilMs = Date.now() + 60_000; Date.now() < untilMs;) {
    const found = await look()
    if (found !== undefined) return found
    await systemClock.sleep(100)
  }
  throw new Error(`waited too long for ${what}`)
}

describe.skipIf(reason !== undefined)('during a long backup', () => {
  let folder: string
  let minio: Minio
  let store: SlowStore
  let service: Service
  let client: ApiClient
  const commandLines = watchCommandLines(canary)
  const answers: string[] = []

  const ended = (id: string): Promise<OperationView> =>
    until(`the end of ${id}`, async () => {
      const operation = await client.operations.show(id)
      answers.push(JSON.stringify(operation))
      return operation.endedAt === null ? undefined : operation
    })
  const done = async (asked: Promise<OperationView>): Promise<OperationView> => {
    const operation = await ended((await asked).id)
    expect(operation).toMatchObject({ state: 'succeeded', failure: null })
    return operation
  }
  const makeVolume = async (name: string, sizeBytes: number): Promise<void> => {
    await done(client.volumes.create({ cluster: 'primary', name, sizeBytes, jobs: [job] }))
    await done(client.volumes.attach('primary', name))
    const { path } = await client.volumes.show('primary', name)
    await promisify(execFile)('dd', [
      'if=/dev/urandom',
      `of=${path}`,
      'bs=1M',
      `count=${sizeBytes / MiB}`,
      'oflag=direct',
    ])
  }
  const blockOf = async (volume: string) =>
    (await gathered(client.operations.list({ cluster: 'primary', volume }))).filter(
      ({ kind, endedAt }) => kind === 'create-backup' && endedAt === null,
    )

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'drover-service-'))
    minio = await startMinio()
    store = await startSlowStore(minio.endpoint)
    const credentials = { accessKeyId: minio.accessKey, secretAccessKey: minio.secretKey }
    const s3 = s3Client({ region: 'us-east-1', endpoint: minio.endpoint, credentials })
    await s3.send(new CreateBucketCommand({ Bucket: bucket }))
    service = await killableService(join(folder, 'data'), join(folder, 'log'))
    service.start()
    client = await until('the service', () => service.client().catch(() => undefined))
    await client.secrets.put('minio', {
      AWS_ACCESS_KEY_ID: minio.accessKey,
      AWS_SECRET_ACCESS_KEY: minio.secretKey,
      AWS_ENDPOINTS: store.endpoint,
    })
    await client.targets.create({ name: 'store', url: `s3://${bucket}@us-east-1/`, credential: 'minio' })
    await client.settings.put('default-backup-target', 'store')
    await client.jobs.put(job, { task: 'backup', cron: '0 * * * *', retain: 3 })
    await until('the node', async () => {
      const nodes = await gathered(client.nodes.list({ cluster: 'primary' }))
      return nodes[0]?.heardAt ?? undefined
    })
    await makeVolume(large, 512 * MiB)
    await makeVolume(small, 16 * MiB)
  })
  afterAll(async () => {
    for (const { cluster, name, state } of await gathered(client.volumes.list()))
      if (state === 'attached') await ended((await client.volumes.detach(cluster, name)).id)
    await service.stop()
    await store.stop()
    await minio.stop()
    await rm(folder, { recursive: true })
  })

  it('attach, snapshot and expansion succeed, its next tick is skipped, another backup runs, a cancel ends it', async () => {
    store.delayMs = 500
    const first = await client.jobs.run(job)
    expect(first.outcomes.map(({ outcome }) => outcome)).toEqual(['operation', 'operation'])
    await until('the first blocks', async () => (store.putAtMs.length > 8 ? true : undefined))
    const [backup] = await until('the backup', async () => {
      const open = await blockOf(large)
      return open[0]?.state === 'running' ? open : undefined
    })
    await done(client.volumes.attach('primary', large))
    await done(client.snapshots.create('primary', large, { name: 'meanwhile' }))
    await done(client.volumes.expand('primary', large, { sizeBytes: 520 * MiB }))
    const [, { operationId: other }] = first.outcomes.toSorted((a, b) => (a.volume < b.volume ? -1 : 1)) as [
      unknown,
      { operationId: string },
    ]
    expect(await ended(other)).toMatchObject({ volume: small, state: 'succeeded' })

    const second = await client.jobs.run(job)
    expect(second.outcomes.find(({ volume }) => volume === large)).toMatchObject({
      outcome: 'skipped',
      reason: `operation ${backup?.id} is under way`,
    })

    expect(await client.operations.show(backup?.id ?? '')).toMatchObject({ state: 'running' })
    await client.operations.cancel(backup?.id ?? '')
    // What the agent hears by its long poll.
    const end = await ended(backup?.id ?? '')
    expect(end).toMatchObject({ state: 'cancelled', failure: null })
    const seenAtMs = Date.now()
    await systemClock.sleep(1500)
    expect(store.putAtMs.filter((atMs) => atMs > seenAtMs)).toEqual([])
    expect(store.putAtMs.length).toBeLessThan(200)
  })

  it('and after it the next backup takes what the first would have', async () => {
    store.delayMs = 0
    const run = await client.jobs.run(job)
    for (const { operationId } of run.outcomes)
      expect(await ended(operationId ?? '')).toMatchObject({ state: 'succeeded' })
    expect((await gathered(client.backups.list('store', large))).map(({ sizeBytes }) => sizeBytes)).toEqual([
      512 * MiB,
    ])
  })

  it('tells what is wrong with credentials without telling them', async () => {
    const wrong = `${canary}-wrong`
    await client.secrets.put('wrong', { AWS_ACCESS_KEY_ID: 'drover-test', AWS_SECRET_ACCESS_KEY: wrong })
    const refused = await client.secrets
      .put('half', { AWS_SECRET_ACCESS_KEY: wrong })
      .catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(RequestError)
    answers.push(JSON.stringify(refused), String(refused))
    await client.targets.create({ name: 'closed', url: `s3://${bucket}@us-east-1/x/`, credential: 'wrong' })
    const failure = await client.targets.index('closed').catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'unavailable' })
    answers.push(
      JSON.stringify(failure),
      String(failure),
      JSON.stringify(await client.targets.show('closed')),
    )
    await client.targets.remove('closed')
  })

  it('leaves the credentials in no file, log, message, answer or command line', async () => {
    expect(await filesWith(folder, canary)).toEqual([])
    expect(answers.filter((answer) => answer.includes(canary))).toEqual([])
    expect(commandLines.stop()).toEqual([])
    expect(commandLines.looks()).toBeGreaterThan(50)
    // It would have been found.
    expect(await readFile(join(folder, 'data/secrets.json'), 'utf8')).toContain(canary)
    expect((await readFile(join(folder, 'log'), 'utf8')).length).toBeGreaterThan(0)
  })
})

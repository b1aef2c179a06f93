/**
 * A backup that lasts longer than its credentials, on MinIO behind a proxy that refuses them from then on.
 */
import { randomBytes } from 'node:crypto'
import { CreateBucketCommand } from '@aws-sdk/client-s3'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { BeginAnswer } from '#lib/api/node-messages.ts'
import { RequestError } from '#lib/api/requests.ts'
import type { TargetOperation } from '#lib/api/operation-reach.ts'
import { vendAccess } from '#lib/api/vend-access.ts'
import { createBackup } from '#lib/backup/create-backup.ts'
import { memorySource, memoryTarget } from '#lib/backup/memory-volume.ts'
import { restoreBackup } from '#lib/backup/restore-backup.ts'
import { systemClock } from '#lib/base/clock.ts'
import { randomIds } from '#lib/base/ids.ts'
import { silentLog } from '#lib/base/log.ts'
import { MiB } from '#lib/base/sizes.ts'
import { catalog } from '#lib/catalog/catalog.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import { s3Client } from '#lib/object-store/s3-client.ts'
import { memorySecretStore } from '#lib/target/memory-secret-store.ts'
import { stsSessions } from '#lib/target/sts-sessions.ts'
import { startMinio, type Minio } from '#test/oracles/minio.ts'
import { startRecordingProxy, type RecordingProxy } from '#test/oracles/recording-proxy.ts'
import { queuedOperation } from '#test/queued-operation.ts'
import { targetAccesses } from './target-access.ts'

const row = {
  name: 'nas',
  url: 's3://backups@us-east-1/',
  credential: 'minio',
  reachedBy: null,
  createdAt: '2026-01-01T00:00:00Z',
  indexedAt: null,
  failure: null,
}
const content = randomBytes(16 * MiB)

let minio: Minio
let proxy: RecordingProxy
const secrets = memorySecretStore()

beforeAll(async () => {
  minio = await startMinio()
  proxy = await startRecordingProxy(minio.endpoint)
  const credentials = { accessKeyId: minio.accessKey, secretAccessKey: minio.secretKey }
  const root = s3Client({ region: 'us-east-1', endpoint: minio.endpoint, credentials })
  await root.send(new CreateBucketCommand({ Bucket: 'backups' }))
  root.destroy()
  await secrets.put('minio', {
    AWS_ACCESS_KEY_ID: minio.accessKey,
    AWS_SECRET_ACCESS_KEY: minio.secretKey,
    AWS_ENDPOINTS: proxy.endpoint,
  })
})
afterAll(async () => {
  await proxy?.stop()
  await minio?.stop()
})
afterEach(() => {
  proxy.refuse = () => undefined
  proxy.recorded.length = 0
})

/** The control plane's answers; `endsInMs`: what is said of when they end, whenever they do. */
const controlPlane = (volume: string, endsInMs: (asked: number) => number) => {
  const deps = {
    catalog: catalog(memoryItemStore()),
    secrets,
    sessions: stsSessions(),
    clock: systemClock,
    log: silentLog,
  }
  const parameters = {
    target: 'nas',
    backupVolume: volume,
    backup: 'first',
    lock: 'lock-1',
    labels: {},
    isFull: false,
    onlyIfWritten: false,
  }
  const operation: TargetOperation = { ...queuedOperation, kind: 'create-backup', parameters }
  const state = { asked: 0, isAway: false, isWanted: true, given: [] as string[] }
  const begin = async (): Promise<BeginAnswer> => {
    state.asked += 1
    if (state.isAway) throw new RequestError('unavailable', 'away', { status: 503 })
    if (!state.isWanted) return { kind: 'not-current', reason: 'it has ended: failed' }
    const access = await vendAccess(deps, { env: {} })(row, operation)
    state.given.push(access.settings['AWS_ACCESS_KEY_ID'] ?? '')
    const expiresAt = new Date(Date.now() + endsInMs(state.asked)).toISOString()
    return { kind: 'go', access: { ...access, expiresAt } }
  }
  return { state, api: { begin, serverNow: () => new Date() } }
}
type ControlPlane = ReturnType<typeof controlPlane>

const backUp = async ({ api }: ControlPlane, volumeName: string, onProgress = () => {}) => {
  const { mayBegin, openTarget } = targetAccesses({ api, clock: systemClock, log: silentLog })
  expect(await mayBegin({ operationId: 'op-1' })).toEqual({ kind: 'go' })
  const { store } = await openTarget('op-1')
  const own = { volumeName, backupName: 'first', lockName: 'lock-1', labels: {} }
  const deps = { store, clock: systemClock, ids: randomIds, log: silentLog }
  await createBackup(deps)({ ...own, source: memorySource(content), onProgress })
  return store
}

/** Every block was stored by one request. */
const requireOnce = (): void => {
  const stored = proxy.recorded.filter(
    ({ action, on, status }) => action === 'PutObject' && on.endsWith('.blk') && status === 200,
  )
  expect(stored).toHaveLength(8)
  expect(new Set(stored.map(({ on }) => on)).size).toBe(8)
}

/** MinIO's shortest session has 15 minutes. */
const refuseFirst = ({ state }: ControlPlane, after: number) => {
  let signed = 0
  proxy.refuse = ({ signedBy, action }) =>
    action !== 'AssumeRole' && signedBy === state.given[0] && ++signed > after
      ? { status: 400, code: 'ExpiredToken' }
      : undefined
}

const hour = () => 3600_000

describe('credentials of an operation', () => {
  it.each([1, 2, 3, 4, 5, 6, 8, 10, 12, 16])(
    'that end after %i requests, whatever was said of their end, are had anew, and nothing is sent twice',
    async (after) => {
      const volume = `web-${after}`
      const ended = controlPlane(volume, hour)
      refuseFirst(ended, after)
      const store = await backUp(ended, volume)
      expect(ended.state.asked).toBe(2)
      expect(proxy.recorded.some(({ status }) => status === 400)).toBe(true)
      requireOnce()
      const target = memoryTarget()
      await restoreBackup({ store })({ volumeName: volume, backupName: 'first', target })
      expect(Buffer.compare(target.content(), content)).toBe(0)
    },
  )

  it('are had anew 5 minutes before they end, and none is refused', async () => {
    const renewed = controlPlane('early', (asked) => (asked === 1 ? 300_050 : 3600_000))
    await backUp(renewed, 'early')
    expect(renewed.state.asked).toBe(2)
    expect(new Set(proxy.recorded.map(({ signedBy }) => signedBy))).toContain(renewed.state.given[1])
    expect(proxy.recorded.filter(({ status }) => status === 400 || status === 403)).toEqual([])
    requireOnce()
  })

  it('are used to their end while the control plane is away, which is not asked at every request', async () => {
    const away = controlPlane('away', () => 300_050)
    let isFirst = true
    await backUp(away, 'away', () => {
      if (isFirst) away.state.isAway = true
      isFirst = false
    })
    expect(away.state.asked).toBeLessThanOrEqual(2)
    requireOnce()
  })

  it('of one that is wanted no more are not had anew: it ends with the reason', async () => {
    const ended = controlPlane('ended', hour)
    refuseFirst(ended, 12)
    const backup = backUp(ended, 'ended', () => {
      ended.state.isWanted = false
    })
    await expect(backup).rejects.toMatchObject({
      code: 'access-lost',
      message: expect.stringContaining('it has ended: failed'),
    })
  })
})

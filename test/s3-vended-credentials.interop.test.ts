/**
 * Operations with the credentials that the control plane vends for them, on MinIO, which heeds session policies: each can do its
 * work, asks for what its policy allows and no more, and gets nothing else.
 */
import { randomBytes } from 'node:crypto'
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TargetAccess } from '#lib/api/node-messages.ts'
import { operationReach, type TargetOperation } from '#lib/api/operation-reach.ts'
import { reachTargets } from '#lib/api/reach-targets.ts'
import { targetCredentials } from '#lib/api/target-credentials.ts'
import { vendAccess } from '#lib/api/vend-access.ts'
import { abandonBackup } from '#lib/backup/abandon-backup.ts'
import type { BackupCheckpoint } from '#lib/backup/backup-checkpoint.ts'
import { createBackup, type CreateBackup } from '#lib/backup/create-backup.ts'
import { collectBackupVolume, deleteBackup } from '#lib/backup/delete-backup.ts'
import { memorySource, memoryTarget } from '#lib/backup/memory-volume.ts'
import { restoreBackup } from '#lib/backup/restore-backup.ts'
import { verifyBackups } from '#lib/backup/verify-backups.ts'
import { indexTarget } from '#lib/backup-index/index-backups.ts'
import { openBlock } from '#lib/backupstore/block.ts'
import { checksumOf } from '#lib/backupstore/checksum.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { systemClock } from '#lib/base/clock.ts'
import { randomIds } from '#lib/base/ids.ts'
import { MiB } from '#lib/base/sizes.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { catalog, type Catalog } from '#lib/catalog/catalog.ts'
import type { Target } from '#lib/catalog/entities.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { s3Client } from '#lib/object-store/s3-client.ts'
import { nameAnew } from '#lib/operation/name-anew.ts'
import type { OperationKind, ParametersOf } from '#lib/operation/operation-kinds.ts'
import { memorySecretStore } from '#lib/target/memory-secret-store.ts'
import { openTarget } from '#lib/target/open-target.ts'
import { sessionPolicies } from '#lib/target/session-policy.ts'
import { stsSessions } from '#lib/target/sts-sessions.ts'
import { parseTargetUrl } from '#lib/target/target-url.ts'
import { startMinio, type Minio } from './oracles/minio.ts'
import { startRecordingProxy, type RecordingProxy } from './oracles/recording-proxy.ts'
import { queuedOperation } from './queued-operation.ts'

const region = 'us-east-1'
const bucket = 'backups'
const path = 'site a/'
const url = `s3://${bucket}@${region}/site%20a/`
const content = randomBytes(8 * MiB)
const keys = volumeKeys('web')
const row: Target = {
  name: 'nas',
  url,
  credential: 'minio',
  reachedBy: null,
  createdAt: '2026-01-01T00:00:00Z',
  indexedAt: null,
  failure: null,
}

let minio: Minio
let proxy: RecordingProxy
let root: S3Client
let things: Catalog
let logged: string[]
const secrets = memorySecretStore()

const log = {
  debug: () => {},
  info: (event: string, fields: object = {}) => void logged.push(`${event} ${JSON.stringify(fields)}`),
  warn: (event: string, fields: object = {}) => void logged.push(`${event} ${JSON.stringify(fields)}`),
  error: (event: string, fields: object = {}) => void logged.push(`${event} ${JSON.stringify(fields)}`),
}

beforeAll(async () => {
  minio = await startMinio()
  proxy = await startRecordingProxy(minio.endpoint)
  const credentials = { accessKeyId: minio.accessKey, secretAccessKey: minio.secretKey }
  root = s3Client({ region, endpoint: minio.endpoint, credentials })
  await root.send(new CreateBucketCommand({ Bucket: bucket }))
  await secrets.put('minio', {
    AWS_ACCESS_KEY_ID: minio.accessKey,
    AWS_SECRET_ACCESS_KEY: minio.secretKey,
    AWS_ENDPOINTS: proxy.endpoint,
  })
})
afterAll(async () => {
  root?.destroy()
  await proxy?.stop()
  await minio?.stop()
})
beforeEach(async () => {
  things = catalog(memoryItemStore())
  await things.targets.create(row)
  logged = []
})

const deps = () => ({ catalog: things, secrets, sessions: stsSessions(), clock: systemClock, log })
const storeDeps = (store: ObjectStore) => ({ store, clock: systemClock, ids: randomIds, log })

const operationOf = <Kind extends OperationKind>(
  kind: Kind,
  parameters: ParametersOf<Kind>,
): TargetOperation =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the kinds that are on a target
  ({ ...queuedOperation, id: `op-${kind}`, kind, parameters }) as unknown as TargetOperation

const vend = async (operation: TargetOperation): Promise<TargetAccess> => {
  const there = await things.targets.get(catalogKeys.target('nas'))
  return vendAccess(deps(), { env: {} })(there ?? row, operation)
}
const open = ({ settings }: TargetAccess): ObjectStore => openTarget(parseTargetUrl(url), { env: settings })

const onWeb = { target: 'nas', backupVolume: 'web' }
const backupOf = (backup: string, backupVolume = 'web') =>
  operationOf('create-backup', {
    target: 'nas',
    backupVolume,
    backup,
    lock: `lock-of-${backup}`,
    labels: {},
    isFull: false,
    onlyIfWritten: false,
  })

const backUp = (store: ObjectStore, more: Partial<CreateBackup>) =>
  createBackup(storeDeps(store))({ volumeName: 'web', source: memorySource(content), labels: {}, ...more })

/** Where the key is, without what is random. */
const placeIn = (key: string): string =>
  key
    .slice(path.length)
    .replace(keys.folder, '')
    .replace(/[0-9a-f]{64}\.blk|[0-9a-f]{2}\/[0-9a-f]{2}\//g, '')

/** What was asked for, once each; all of it must have been allowed. */
const asked = (): string[] => {
  const mine = proxy.recorded.splice(0).filter(({ action }) => action !== 'AssumeRole')
  expect(mine.filter(({ status }) => status === 403)).toEqual([])
  expect(mine.every(({ signedBy }) => signedBy !== minio.accessKey)).toBe(true)
  return [...new Set(mine.map(({ action, on }) => `${action} ${placeIn(on)}`))].toSorted()
}

const openFor = async (operation: TargetOperation): Promise<ObjectStore> => {
  const store = open(await vend(operation))
  proxy.recorded.length = 0
  return store
}

const failed = async (work: Promise<unknown>): Promise<void> => {
  await expect(work).rejects.toThrow(/./)
}

describe('credentials vended for one operation', () => {
  it('are enough for a backup, one that goes on, one that is made anew, and what is left of it', async () => {
    const first = backupOf('first')
    await backUp(await openFor(first), { backupName: 'first', lockName: 'lock-of-first' })
    expect(asked()).toEqual([
      'DeleteObject locks/lock-of-first.lck',
      'GetObject backups/backup_first.cfg',
      'GetObject drover-bad-blocks.json',
      'GetObject volume.cfg',
      'ListBucket backups/',
      'ListBucket blocks/',
      'ListBucket locks/',
      'PutObject backups/backup_first.cfg',
      'PutObject blocks/',
      'PutObject locks/lock-of-first.lck',
      'PutObject volume.cfg',
    ])

    const names = { backupName: 'second', lockName: 'lock-of-second' }
    const store = await openFor(backupOf('second'))
    const stopping = new AbortController()
    let last: BackupCheckpoint | undefined
    const source = memorySource(randomBytes(8 * MiB))
    const checkpointed = {
      ...names,
      source,
      signal: stopping.signal,
      onCheckpoint: async (checkpoint: BackupCheckpoint) => {
        last ??= checkpoint
      },
      onProgress: ({ doneBytes }: { doneBytes: number }) => {
        if (doneBytes > 2 * MiB) stopping.abort(new Error('the process ends'))
      },
    }
    await failed(backUp(store, checkpointed))
    if (!last) throw new Error('no checkpoint')
    const resume = { ...last, sent: last.sent }
    const resumed = await backUp(await openFor(backupOf('second')), {
      source,
      resume,
      snapshotName: last.snapshotName,
    })
    expect(resumed.backupName).toBe('second')
    asked()

    const anew = await openFor(backupOf('third'))
    await failed(backUp(anew, { ...checkpointed, backupName: 'third', lockName: 'lock-of-third' }))
    const left = { volumeName: 'web', backupName: 'third', lockName: 'lock-of-third' }
    await abandonBackup(storeDeps(anew))(left)
    const again = { backupName: nameAnew('third'), lockName: nameAnew('lock-of-third') }
    await backUp(anew, { ...again, mode: 'full' })
    const twice = { backupName: nameAnew(again.backupName), lockName: nameAnew(again.lockName) }
    await abandonBackup(storeDeps(anew))({ volumeName: 'web', ...twice })
    expect(asked().filter((line) => line.startsWith('DeleteObject'))).toEqual([
      'DeleteObject locks/lock-of-third-again-again.lck',
      'DeleteObject locks/lock-of-third-again.lck',
      'DeleteObject locks/lock-of-third.lck',
    ])
  })

  it('are enough for a restore, which asks for nothing but reads', async () => {
    const operation = operationOf('restore-backup', { ...onWeb, backup: 'first', isSalvage: false })
    const target = memoryTarget()
    await restoreBackup({ store: await openFor(operation) })({
      volumeName: 'web',
      backupName: 'first',
      target,
    })
    expect(Buffer.compare(target.content(), content)).toBe(0)
    expect(asked().map((line) => line.split(' ')[0])).not.toContain('PutObject')
  })

  it('are enough for a verification, which writes down what is bad, and a backup that mends it', async () => {
    await root.send(
      new DeleteObjectCommand({
        Bucket: bucket,
        Key: path + keys.block(checksumOf(content.subarray(0, 2 * MiB))),
      }),
    )
    const check = async (block: Parameters<typeof openBlock>[0]) => void openBlock(block)
    const store = await openFor(operationOf('verify-backup', { ...onWeb, backup: 'first' }))
    const verify = () => verifyBackups({ ...storeDeps(store), check })({ volumeName: 'web' })
    expect((await verify()).bad).toHaveLength(1)
    expect(asked()).toEqual([
      'GetObject backups/backup_first.cfg',
      'GetObject backups/backup_second.cfg',
      'GetObject backups/backup_third-again.cfg',
      'GetObject blocks/',
      'GetObject drover-bad-blocks.json',
      'GetObject volume.cfg',
      'ListBucket backups/',
      'PutObject drover-bad-blocks.json',
    ])
    const mending = await openFor(backupOf('mended'))
    await backUp(mending, { backupName: 'mended', lockName: 'lock-of-mended', mode: 'full' })
    expect(asked()).toContain('PutObject drover-bad-blocks.json')
  })

  it('are enough for a deletion and a collection', async () => {
    const operation = operationOf('delete-backup', { ...onWeb, backup: 'second', lock: 'lock-d' })
    const store = await openFor(operation)
    const { collect } = await deleteBackup(storeDeps(store))({
      volumeName: 'web',
      backupName: 'second',
      lockName: 'lock-d',
    })
    expect(collect).toMatchObject({ kind: 'collected', deletedBlocks: 4 })
    expect(proxy.recorded.map(({ action }) => action)).toContain('DeleteObjects')
    asked()
    const other = await openFor(operationOf('collect-blocks', { ...onWeb, lock: 'lock-c' }))
    expect(
      await collectBackupVolume(storeDeps(other))({ volumeName: 'web', lockName: 'lock-c' }),
    ).toMatchObject({
      kind: 'collected',
    })
    asked()
  })

  it('of the control plane look at all of a target, and perform one operation', async () => {
    const reach = reachTargets(deps(), { env: {} })
    const store = await reach.openTarget(row)
    proxy.recorded.length = 0
    expect(await indexTarget({ catalog: things })({ target: 'nas', store })).toMatchObject({
      volumes: 1,
      backups: 3,
    })
    await indexTarget({ catalog: things })({ target: 'nas', store })
    expect(proxy.recorded.filter(({ action }) => action === 'AssumeRole')).toHaveLength(1)
    expect(asked().every((line) => /^(?:GetObject|ListBucket) /.test(line))).toBe(true)
    await failed(store.put(keys.volumeConfig, new Uint8Array()))
    expect(await things.targets.get(catalogKeys.target('nas'))).toMatchObject({
      credentials: { kind: 'per-operation', endpoint: proxy.endpoint },
    })
    const operation = operationOf('collect-blocks', { ...onWeb, lock: 'lock-c' })
    await things.operations.create(operation)
    const own = await reach.openForOperation(operation.id, 'nas')
    expect(
      await collectBackupVolume(storeDeps(own.store))({ volumeName: 'web', lockName: 'lock-c' }),
    ).toMatchObject({
      kind: 'collected',
    })
    await failed(own.store.get(volumeKeys('mail').volumeConfig))
  })

  const refused = async (client: S3Client): Promise<string[]> => {
    const mail = volumeKeys('mail')
    const at = (key: string) => ({ Bucket: bucket, Key: path + key })
    const tries: [string, () => Promise<unknown>][] = [
      ['get', () => client.send(new GetObjectCommand(at(keys.volumeConfig)))],
      ['put', () => client.send(new PutObjectCommand({ ...at(keys.lock('lock-x')), Body: 'x' }))],
      ['delete', () => client.send(new DeleteObjectCommand(at(keys.lock('lock-x'))))],
      ['delete of a backup', () => client.send(new DeleteObjectCommand(at(keys.backupConfig('mended'))))],
      ['list', () => client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: path + keys.folder }))],
      ['foreign get', () => client.send(new GetObjectCommand(at(mail.volumeConfig)))],
      ['foreign put', () => client.send(new PutObjectCommand({ ...at(mail.volumeConfig), Body: 'x' }))],
      ['foreign delete', () => client.send(new DeleteObjectCommand(at(mail.lock('lock-of-x'))))],
      [
        'foreign list',
        () => client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: path + mail.folder })),
      ],
      ['list of all', () => client.send(new ListObjectsV2Command({ Bucket: bucket }))],
      [
        'list of volumes',
        () => client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: `${path}backupstore/` })),
      ],
      ['another bucket', () => client.send(new ListObjectsV2Command({ Bucket: 'another' }))],
    ]
    const denied: string[] = []
    for (const [what, tried] of tries)
      await tried().catch((error: unknown) => {
        expect([what, error]).toMatchObject([what, { name: expect.stringMatching('AccessDenied|NoSuchKey') }])
        if (error instanceof Error && error.name === 'AccessDenied') denied.push(what)
      })
    return denied
  }
  const foreign = [
    'foreign get',
    'foreign put',
    'foreign delete',
    'foreign list',
    'list of all',
    'list of volumes',
    'another bucket',
  ]

  it.each<[TargetOperation, string[]]>([
    [backupOf('xx'), ['delete', 'delete of a backup', ...foreign]],
    [
      operationOf('restore-backup', { ...onWeb, backup: 'first', isSalvage: false }),
      ['put', 'delete', 'delete of a backup', ...foreign],
    ],
    [
      operationOf('verify-backup', { ...onWeb, backup: 'first' }),
      ['put', 'delete', 'delete of a backup', ...foreign],
    ],
    [operationOf('collect-blocks', { ...onWeb, lock: 'lock-x' }), foreign],
  ])('reach no further: $kind', async (operation, wanted) => {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = (await vend(operation)).settings
    const client = s3Client({
      region,
      endpoint: minio.endpoint,
      credentials: {
        accessKeyId: AWS_ACCESS_KEY_ID ?? '',
        secretAccessKey: AWS_SECRET_ACCESS_KEY ?? '',
        sessionToken: AWS_SESSION_TOKEN ?? '',
      },
    })
    expect((await refused(client)).toSorted()).toEqual(wanted.toSorted())
    client.destroy()
  })

  it('reach no further with names so long that the policy is written otherwise', async () => {
    const [volume, backup, far] = ['v'.repeat(40), 'b'.repeat(190), `${'p'.repeat(200)}/`]
    const there = volumeKeys(volume)
    const farUrl = `s3://${bucket}@${region}/${far}`
    const operation = backupOf(backup, volume)
    const own = { volumeName: volume, backupName: backup, lockName: 'lock-1' }
    operation.parameters = { ...operation.parameters, lock: own.lockName } as typeof operation.parameters
    const [policy] = sessionPolicies(
      { partition: 'aws', isAws: false, bucket, path: far },
      operationReach(operation),
    )
    expect(policy).toContain('NotResource')
    const { settings } = await vendAccess(deps(), { env: {} })({ ...row, url: farUrl }, operation)
    const store = openTarget(parseTargetUrl(farUrl), { env: settings })
    proxy.recorded.length = 0
    await createBackup(storeDeps(store))({ ...own, source: memorySource(content), labels: {} })
    asked()
    await failed(store.deleteMany([there.volumeConfig]))
    await failed(store.deleteMany([keys.lock(own.lockName)]))
    await failed(store.put(keys.lock(own.lockName), new Uint8Array()))
    await failed(store.get(keys.volumeConfig))
  })

  it('have nothing of the secret, and nothing of them is logged', async () => {
    const access = await vend(backupOf('quiet'))
    expect(Object.keys(access.settings).toSorted()).toEqual([
      'AWS_ACCESS_KEY_ID',
      'AWS_ENDPOINTS',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_SESSION_TOKEN',
    ])
    expect(access.settings['AWS_ACCESS_KEY_ID']).not.toBe(minio.accessKey)
    const leftMs = Date.parse(access.expiresAt ?? '') - Date.now()
    expect(leftMs).toBeGreaterThan(3500_000)
    expect(leftMs).toBeLessThanOrEqual(3601_000)
    const said = logged.join('\n')
    expect(said).toContain('credentials vended')
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])
      expect(said).not.toContain(access.settings[name])
    expect(said).not.toContain(minio.secretKey)
  })
})

describe('a store whose STS', () => {
  const found = async () => (await things.targets.get(catalogKeys.target('nas')))?.credentials
  const refuse = (status: number, code: string) => {
    proxy.refuse = ({ action }) => (action === 'AssumeRole' ? { status, code } : undefined)
  }
  const operation = backupOf('xx')

  it('gives none hands out its keys, and says so', async () => {
    try {
      refuse(405, 'MethodNotAllowed')
      const access = await vend(operation)
      expect(access).toMatchObject({ settings: { AWS_ACCESS_KEY_ID: minio.accessKey }, expiresAt: null })
      expect(await found()).toMatchObject({
        kind: 'shared',
        reason: expect.stringContaining('HTTP status 405'),
      })
      expect(await targetCredentials(deps(), { env: {} })(row)).toMatchObject({ kind: 'shared' })
      expect(logged.join('\n')).toContain('not for this operation alone')
    } finally {
      proxy.refuse = () => undefined
    }
  })

  it('once gave some is waited for, and never gone around', async () => {
    await vend(operation)
    expect(await found()).toMatchObject({ kind: 'per-operation' })
    try {
      refuse(405, 'MethodNotAllowed')
      await expect(vend(operation)).rejects.toMatchObject({ code: 'role-refused' })
      refuse(503, 'SlowDown')
      await expect(vend(operation)).rejects.toMatchObject({ code: 'sts-unavailable', hint: /again/ })
      expect(await found()).toMatchObject({ kind: 'per-operation' })
    } finally {
      proxy.refuse = () => undefined
    }
  })

  it('is away when it is first asked is not taken for one that gives none', async () => {
    try {
      refuse(500, 'InternalError')
      await expect(vend(operation)).rejects.toMatchObject({ code: 'sts-unavailable' })
      expect(await found()).toBeUndefined()
    } finally {
      proxy.refuse = () => undefined
    }
  })

  it('is found later narrows from the next look on', async () => {
    refuse(405, 'MethodNotAllowed')
    await vend(operation)
    proxy.refuse = () => undefined
    const store = await reachTargets(deps(), { env: {} }).openTarget(row)
    await indexTarget({ catalog: things })({ target: 'nas', store })
    expect(await found()).toMatchObject({ kind: 'per-operation' })
    expect((await vend(operation)).expiresAt).not.toBeNull()
  })

  it('is asked with the wrong keys, or at the wrong time, says so', async () => {
    await vend(operation)
    const before = await secrets.get('minio')
    try {
      await secrets.put('minio', { ...before, AWS_SECRET_ACCESS_KEY: 'wrong' })
      await expect(vend(operation)).rejects.toMatchObject({
        code: 'role-refused',
        message: expect.stringContaining('signature'),
        hint: expect.stringContaining('keys'),
      })
    } finally {
      await secrets.put('minio', before ?? {})
    }
  })
})

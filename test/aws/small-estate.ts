/**
 * @module small-estate: what scenarios on a local stack begin from: a cluster with a node that no agent runs on, a target, an hourly job,
 * two attached volumes, of which one has two backups of that job in the bucket, made by lib/backup, that the catalog does not know of.
 */
import { createBackup } from '#lib/backup/create-backup.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { systemClock } from '#lib/base/clock.ts'
import { silentLog } from '#lib/base/log.ts'
import { randomIds } from '#lib/base/ids.ts'
import { JoinAnswer } from '#lib/api/node-messages.ts'
import { requests, type Request } from '#lib/api/requests.ts'
import type { Operation } from '#lib/operation/operation.ts'
import type { OperationKind, ParametersOf } from '#lib/operation/operation-kinds.ts'
import type { Report, ReportEvent } from '#lib/operation/report.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { blockSizeBytes as letterBytes, letterSource } from '#test/letter-volume.ts'
import { storedVolume } from '#test/stored-volume.ts'
import { localWorld, type LocalWorld } from './local-world.ts'
import type { LocalAws } from './local-aws.ts'
import { until } from './until.ts'

export const [cluster, node, target, job] = ['primary', 'node-1', 's3', 'hourly']
export const volumes = ['web', 'db'] as const
export const [olderBackup, newerBackup] = ['backup-older', 'backup-newer']
export const keysOfWeb = volumeKeys('web')

export interface Estate {
  aws: LocalAws
  world: LocalWorld
  /** As the node. */
  asNode: Request
  report(reports: readonly Report[]): Promise<void>
  /** All events until now were taken. */
  eventsTaken(): Promise<void>
}

export const joined = async ({ url, client }: LocalAws, name: string): Promise<Request> => {
  const { token: joinToken } = await client.nodes.newJoinToken({ cluster })
  const answer = await requests({ url, token: joinToken })('POST', '/v1/nodes/join', { body: { node: name } })
  return requests({ url, token: JoinAnswer.parse(answer).token })
}

export const addVolume = async ({ catalog }: LocalWorld, name: string): Promise<void> => {
  const row = { ...storedVolume, cluster, node, name, target, backupVolume: name }
  await catalog.volumes.create({ ...row, state: 'attached', path: `/dev/${name}` })
}

export const addTarget = async ({ catalog }: LocalWorld, name: string): Promise<void> => {
  const there = await catalog.targets.get(catalogKeys.target(target))
  if (!there) throw new Error(`no target ${target}`)
  await catalog.targets.create({ ...there, name, url: `${there.url}${name}/` })
}

/** In the catalog, as one that was looked at: of a volume of the bucket, or of none. */
export const addBackup = async (
  { catalog }: LocalWorld,
  { target: of, volume = 'web', name = newerBackup }: { target: string; volume?: string; name?: string },
): Promise<void> => {
  const [time, sizeBytes] = ['2026-01-01T00:00:00Z', 2 * letterBytes]
  const volumeRow = { target: of, name: volume, sizeBytes, createdAt: time }
  await catalog.backupVolumes.create({ ...volumeRow, lastBackupName: name, lastBackupAt: time })
  await catalog.backups.create({
    target: of,
    volume,
    name,
    snapshotName: name,
    snapshotCreatedAt: time,
    createdAt: time,
    sizeBytes,
    newlyUploadedBytes: 0,
    labels: {},
    isIncremental: false,
    obstacle: null,
  })
}

const makeBackups = async ({ store }: LocalWorld): Promise<void> => {
  const back = createBackup({ store, clock: systemClock, ids: randomIds, log: silentLog })
  const labels = { RecurringJob: job }
  for (const [backupName, word] of [
    [olderBackup, 'AB'],
    [newerBackup, 'AC'],
  ] as const)
    await back({ volumeName: 'web', backupName, source: letterSource(word), labels })
}

export const makeEstate = async (aws: LocalAws, { hasBackups = true } = {}): Promise<Estate> => {
  const { client } = aws
  const world = localWorld(aws)
  let idleRounds = 0
  aws.arrange = (happened, what) => {
    // What the bucket tells is told by the scenarios themselves.
    const handed = happened.filter((each) => !JSON.stringify(each).includes('"aws.s3"'))
    if (what === 'events' && handed.length === 0) idleRounds++
    return handed
  }
  await client.clusters.create({ name: cluster })
  const asNode = await joined(aws, node)
  await client.targets.create({ name: target, url: `s3://${aws.bucket}@us-east-1/`, credential: null })
  await client.jobs.put(job, { task: 'backup', cron: '0 * * * *', retain: 1, groups: ['default'] })
  for (const name of volumes) await addVolume(world, name)
  if (hasBackups) await makeBackups(world)
  const indexedAt = new Date().toISOString()
  await world.catalog.targets.change(catalogKeys.target(target), (there) => there && { ...there, indexedAt })
  await world.keep()
  return {
    aws,
    world,
    asNode,
    report: async (reports) => void (await asNode('POST', '/v1/node/reports', { body: { reports } })),
    eventsTaken: async () => {
      const before = idleRounds
      await until('events to be taken', async () => (idleRounds > before ? true : undefined))
    },
  }
}

let operations = 0

/** One that is in the catalog, as if it had been issued a while ago. */
export const addOperation = async <Kind extends OperationKind>(
  { catalog }: LocalWorld,
  kind: Kind,
  parameters: ParametersOf<Kind>,
  more: Partial<Operation> = {},
): Promise<Operation> => {
  const now = Date.now()
  const operation: Operation = {
    id: `run-${++operations}`,
    kind,
    cluster,
    node,
    volume: 'web',
    generation: 1,
    parameters,
    cause: { kind: 'request', by: 'test' },
    state: 'queued',
    attempt: 1,
    sentAt: new Date(now - 10 * 60_000).toISOString(),
    isCancelRequested: false,
    createdAt: new Date(now - 10 * 60_000).toISOString(),
    expiresAt: new Date(now + 3600_000).toISOString(),
    heardAt: null,
    endedAt: null,
    sequence: 0,
    progress: null,
    result: null,
    failure: null,
    ...more,
  }
  await catalog.operations.create(operation)
  return operation
}

export const reportOf = ({ id, node: of }: Operation, sequence: number, event: ReportEvent): Report => ({
  version: 1,
  operationId: id,
  node: of,
  sequence,
  at: new Date().toISOString(),
  event,
})

export const backupParameters = { target, backupVolume: 'web', lock: 'lock-of-test' }
export const newerBackupParameters = {
  ...backupParameters,
  backup: newerBackup,
  labels: {},
  isFull: false,
  onlyIfWritten: true,
}

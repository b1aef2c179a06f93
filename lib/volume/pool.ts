/**
 * @module pool: a folder on one file system in which a node keeps its volumes and their snapshots.
 *
 *   pool.json                       what kind it is
 *   pool.lock                       held by the one process that works on it, and by the programs it runs
 *   volumes/NAME/volume.json        the volume's record: what it does not name does not exist
 *   volumes/NAME/LAYER/volume.img   its head, and each snapshot: a file of the volume's size
 *
 * A crash at any moment leaves what `openPool` puts right. Contract: pool.contract.ts.
 */
import { existsSync } from 'node:fs'
import { mkdir, open, readdir, rmdir, statfs } from 'node:fs/promises'
import { resolve } from 'node:path'
import { systemClock, type Clock } from '#lib/base/clock.ts'
import { randomIds, type Ids } from '#lib/base/ids.ts'
import { silentLog, type Log } from '#lib/base/log.ts'
import { serial } from '#lib/base/serial.ts'
import { attachVolume, detachVolume } from './attachment.ts'
import { attachmentOf, type Attachment, type Frontend } from './attachment-state.ts'
import { backupBase, isBackupBase, recordBackup, type BackupBase, type MadeBackup } from './backup-records.ts'
import { btrfsDriver } from './btrfs-driver.ts'
import { copyDriver } from './copy-driver.ts'
import type { Host } from './host.ts'
import { linuxHost } from './linux-host.ts'
import { listLoopDevices, type BackedDevice } from './loop-devices.ts'
import { tryLockFile } from './linux-system-calls.ts'
import {
  defaultMinimalAvailablePercentage,
  defaultOverProvisioningPercentage,
  encodePoolConfig,
  poolConfigPath,
  poolLockPath,
  readPoolConfig,
  volumesFolder,
  type PoolConfig,
} from './pool-config.ts'
import { headImage, requireVolume, type PoolContext } from './pool-context.ts'
import type { PoolDriver, PoolKind } from './pool-driver.ts'
import { recoverPool, type Oddity } from './recover.ts'
import { allocatedBytes } from './image-file.ts'
import { poolRoom, type PoolRoom } from './room.ts'
import {
  headSnapshot,
  listSnapshots,
  openSnapshot,
  recordedSnapshots,
  type SnapshotReader,
  type SnapshotView,
} from './snapshot-reader.ts'
import { createSnapshot, deleteSnapshot, revertVolume, type NewSnapshot } from './snapshots.ts'
import { VolumeError } from './volume-error.ts'
import { isComplete, type SnapshotRecord, type VolumeRecord } from './volume-record.ts'
import {
  createVolume,
  deleteVolume,
  expandVolume,
  restoreVolume,
  type NewVolume,
  type RestoringVolume,
} from './volumes.ts'
import { hasWritesSince } from './written-since.ts'
import { xfsDriver } from './xfs-driver.ts'

export interface VolumeView {
  name: string
  sizeBytes: number
  /** What its head has on the disk, shared with snapshots or not. */
  actualSizeBytes: number
  blockSizeBytes: number
  sectorSizeBytes: number
  createdAt: string
  /** `damaged`: its file cannot be read. */
  state: 'attached' | 'detached' | 'damaged'
  frontend: Frontend | undefined
  /** The device, or file, to write to. */
  path: string | undefined
  snapshots: number
}

export interface PoolStatus extends PoolRoom {
  folder: string
  kind: PoolKind
  volumes: number
  storageOverProvisioningPercentage: number
  storageMinimalAvailablePercentage: number
  /** What lies in the pool and belongs to no volume. */
  oddities: Oddity[]
}

/** One process at a time has it open. All of it throws VolumeError. */
export interface Pool {
  readonly folder: string
  readonly kind: PoolKind
  status(): Promise<PoolStatus>
  listVolumes(): Promise<VolumeView[]>
  showVolume(name: string): Promise<VolumeView>
  createVolume(volume: NewVolume): Promise<VolumeView>
  restoreVolume(volume: NewVolume): Promise<RestoringVolume>
  expandVolume(name: string, sizeBytes: number): Promise<VolumeView>
  deleteVolume(name: string): Promise<void>
  attachVolume(name: string, frontend: Frontend): Promise<Attachment>
  detachVolume(name: string): Promise<void>
  createSnapshot(volume: string, snapshot: NewSnapshot): Promise<SnapshotRecord>
  /** With their sizes, for which every extent of each is looked at. */
  listSnapshots(volume: string): Promise<SnapshotView[]>
  /** What is recorded of them, at no cost. */
  recordedSnapshots(volume: string): readonly SnapshotRecord[]
  /** The one that the head was last at, if it is there. */
  headSnapshot(volume: string): SnapshotRecord | undefined
  deleteSnapshot(volume: string, name: string): Promise<void>
  revertVolume(volume: string, name: string): Promise<void>
  /** Until its reader is closed, the snapshot cannot be deleted. */
  openSnapshot(volume: string, name: string): Promise<SnapshotReader>
  hasWritesSince(volume: string, snapshot: string): Promise<boolean>
  /** The backup that was made last from this volume for a backup volume of a target, and the snapshot it was made from. */
  backupBase(volume: string, of: { target: string; backupVolume: string }): BackupBase | undefined
  recordBackup(volume: string, made: MadeBackup): Promise<void>
  /** Whether the next backup to some target needs a snapshot. */
  isBackupBase(volume: string, snapshotId: string): boolean
  close(): Promise<void>
}

export interface OpenPool {
  folder: string
  clock?: Clock | undefined
  ids?: Ids | undefined
  log?: Log | undefined
  /** Default: 10 s; 60 s where a snapshot is a copy. */
  freezeDeadlineMs?: number | undefined
  /** Gets the file descriptor of the pool's lock. */
  host?: ((lockFd: number) => Host) | undefined
}

export interface InitPool {
  folder: string
  /** Default: what the file system allows. */
  kind?: PoolKind | undefined
  storageOverProvisioningPercentage?: number | undefined
  storageMinimalAvailablePercentage?: number | undefined
  host?: Host | undefined
  ids?: Ids | undefined
}

const driverFor = (kind: PoolKind, host: Host, poolId: string): PoolDriver => {
  switch (kind) {
    case 'btrfs':
      return btrfsDriver(host)
    case 'xfs':
      return xfsDriver(host, poolId)
    case 'copy':
      return copyDriver(host, poolId)
    default:
      return kind satisfies never
  }
}

/** The `f_type` of statfs(2). */
const kindOfFileSystem = new Map<number, PoolKind>([
  [0x9123683e, 'btrfs'],
  [0x58465342, 'xfs'],
])

const checkKind = (folder: string, kind: PoolKind, possible: PoolKind): void => {
  if (kind === 'copy' || kind === possible) return
  throw new VolumeError('unsupported', `${folder} is not on ${kind}`, {
    hint: 'leave out the kind, or take "copy", which works on every file system',
  })
}

const removeIfEmpty = async (path: string): Promise<void> => {
  await rmdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY') throw error
  })
}

/** @throws VolumeError `pool-exists`, `unsupported`, `missing-program`, `host-failed`. */
export const initPool = async (wanted: InitPool): Promise<PoolConfig> => {
  const { host = linuxHost(), ids = randomIds } = wanted
  const folder = resolve(wanted.folder)
  await mkdir(folder, { recursive: true })
  // An init that was cut off left an empty one.
  if (!existsSync(poolConfigPath(folder))) await removeIfEmpty(volumesFolder(folder))
  const there = (await readdir(folder)).filter((name) => name !== 'lost+found')
  if (there.length > 0) {
    throw new VolumeError('pool-exists', `${folder} is not empty`, {
      hint: 'a pool needs a folder of its own, best the root of a file system of its own',
    })
  }
  const possible = kindOfFileSystem.get((await statfs(folder)).type) ?? 'copy'
  const kind = wanted.kind ?? possible
  checkKind(folder, kind, possible)
  const config: PoolConfig = {
    format: 1,
    id: ids.name('pool'),
    kind,
    storageOverProvisioningPercentage:
      wanted.storageOverProvisioningPercentage ?? defaultOverProvisioningPercentage,
    storageMinimalAvailablePercentage:
      wanted.storageMinimalAvailablePercentage ?? defaultMinimalAvailablePercentage,
  }
  await driverFor(kind, host, config.id).prepare(volumesFolder(folder))
  await host.writeRecord(poolConfigPath(folder), encodePoolConfig(config))
  return config
}

const lockPool = async (folder: string) => {
  const file = await open(poolLockPath(folder), 'a', 0o600)
  if (tryLockFile(file.fd)) return file
  await file.close()
  throw new VolumeError('pool-busy', `another process has the pool ${folder}`, {
    hint: 'it is the node\'s agent, or another "drover pool" command: ask the agent to do it, or wait',
  })
}

const lookAt = async (
  context: PoolContext,
  record: VolumeRecord,
  listed: readonly BackedDevice[] | undefined,
): Promise<Pick<VolumeView, 'actualSizeBytes' | 'state' | 'frontend' | 'path'>> => {
  const attachment = await attachmentOf(context, record, listed)
  return {
    actualSizeBytes: await allocatedBytes(headImage(context, record)),
    state: attachment ? 'attached' : 'detached',
    frontend: attachment?.frontend,
    path: attachment?.path,
  }
}

/** One that is damaged must not hide the others. */
const damaged = (error: unknown): Awaited<ReturnType<typeof lookAt>> => {
  if (!(error instanceof VolumeError) || error.code !== 'layer-damaged') throw error
  return { actualSizeBytes: 0, state: 'damaged', frontend: undefined, path: undefined }
}

const viewOf = async (
  context: PoolContext,
  record: VolumeRecord,
  listed?: readonly BackedDevice[],
): Promise<VolumeView> => {
  const { name, sizeBytes, blockSizeBytes, sectorSizeBytes, createdAt } = record
  return {
    ...(await lookAt(context, record, listed).catch(damaged)),
    name,
    sizeBytes,
    blockSizeBytes,
    sectorSizeBytes,
    createdAt,
    snapshots: record.snapshots.length,
  }
}

const poolOver = (context: PoolContext, oddities: Oddity[], unlock: () => Promise<void>): Pool => {
  const complete = () => [...context.volumes.values()].filter(({ record }) => isComplete(record))
  return {
    folder: context.folder,
    kind: context.config.kind,
    status: async () => ({
      ...(await poolRoom(context)),
      folder: context.folder,
      kind: context.config.kind,
      volumes: complete().length,
      storageOverProvisioningPercentage: context.config.storageOverProvisioningPercentage,
      storageMinimalAvailablePercentage: context.config.storageMinimalAvailablePercentage,
      oddities,
    }),
    listVolumes: async () => {
      const listed = await listLoopDevices(context.host)
      return Promise.all(complete().map(({ record }) => viewOf(context, record, listed)))
    },
    showVolume: async (name) => viewOf(context, requireVolume(context, name).record),
    createVolume: async (volume) => viewOf(context, await createVolume(context, volume)),
    restoreVolume: (volume) => restoreVolume(context, volume),
    expandVolume: async (name, sizeBytes) => viewOf(context, await expandVolume(context, name, sizeBytes)),
    deleteVolume: async (name) => deleteVolume(context, name),
    attachVolume: async (name, frontend) => attachVolume(context, name, frontend),
    detachVolume: async (name) => detachVolume(context, name),
    createSnapshot: async (volume, snapshot) => createSnapshot(context, volume, snapshot),
    listSnapshots: async (volume) => listSnapshots(context, volume),
    recordedSnapshots: (volume) => recordedSnapshots(context, volume),
    headSnapshot: (volume) => headSnapshot(context, volume),
    deleteSnapshot: async (volume, name) => deleteSnapshot(context, volume, name),
    revertVolume: async (volume, name) => revertVolume(context, volume, name),
    openSnapshot: async (volume, name) => openSnapshot(context, volume, name),
    hasWritesSince: async (volume, snapshot) => hasWritesSince(context, volume, snapshot),
    backupBase: (volume, of) => backupBase(context, volume, of),
    recordBackup: async (volume, made) => recordBackup(context, volume, made),
    isBackupBase: (volume, snapshotId) => isBackupBase(context, volume, snapshotId),
    close: unlock,
  }
}

const defaultFreezeDeadlineMs: Record<PoolKind, number> = { btrfs: 10_000, xfs: 10_000, copy: 60_000 }

/** Takes the pool for this process, and puts right what a crash left. @throws VolumeError `no-pool`, `pool-busy`, `record-damaged`. */
export const openPool = async (options: OpenPool): Promise<Pool> => {
  const folder = resolve(options.folder)
  const config = await readPoolConfig(folder)
  const lock = await lockPool(folder)
  try {
    const host = (options.host ?? linuxHost)(lock.fd)
    const context: PoolContext = {
      folder,
      config,
      host,
      driver: driverFor(config.kind, host, config.id),
      clock: options.clock ?? systemClock,
      ids: options.ids ?? randomIds,
      log: options.log ?? silentLog,
      freezeDeadlineMs: options.freezeDeadlineMs ?? defaultFreezeDeadlineMs[config.kind],
      volumes: new Map(),
      inTurn: serial(),
    }
    return poolOver(context, await recoverPool(context), () => lock.close())
  } catch (error) {
    await lock.close()
    throw error
  }
}

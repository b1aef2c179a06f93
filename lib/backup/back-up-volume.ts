/**
 * @module back-up-volume: backs up a volume of a pool: takes a snapshot, or uses one, and sends what changed since the snapshot
 * that the last backup was made from.
 *
 * That one is known by its identity, from the volume's own record, never by a name. Without a record, or when the backup that
 * it names is not in the store any more, every block is compared with the last backup's. The snapshot that a backup was made
 * from stays until the next one is committed; then it goes, unless a user made it or another target's next backup needs it.
 */
import type { BackupConfig } from '#lib/backupstore/backup-config.ts'
import type { Pool } from '#lib/volume/pool.ts'
import type { SnapshotReader } from '#lib/volume/snapshot-reader.ts'
import type { SnapshotRecord } from '#lib/volume/volume-record.ts'
import { VolumeError } from '#lib/volume/volume-error.ts'
import type { BlockWorkers } from './block-workers.ts'
import {
  createBackup,
  type CreateBackup,
  type CreateBackupDeps,
  type CreateBackupResult,
  type VouchedBase,
} from './create-backup.ts'
import { changedBlocks, volumeSource } from './volume-source.ts'

export interface BackUpVolumeDeps extends CreateBackupDeps {
  pool: Pool
  workers: BlockWorkers
}

export interface BackUpVolume extends Omit<CreateBackup, 'source' | 'base' | 'volumeName' | 'snapshotName'> {
  /** In the pool. */
  poolVolumeName: string
  /** In the backupstore. */
  volumeName: string
  /** The target's URL, by which the pool remembers what was made for whom. */
  target: string
  /** One that is there, and stays. Default: one is made for this backup. */
  snapshotName?: string | undefined
}

export interface BackUpVolumeResult extends CreateBackupResult {
  /** How it was found out what to send. */
  comparedBy: 'snapshots' | 'content'
  consistency: SnapshotRecord['consistency']
}

/** Of a device, where it is not the 512 bytes that Longhorn's volumes have: a restore gives its volume the same. */
export const sectorSizeLabel = 'drover.io/sector-size'

const isThatBackup =
  (createdAt: string, snapshotName: string) =>
  (config: BackupConfig): boolean =>
    config.createdAt === createdAt && config.snapshotName === snapshotName

interface OpenBase {
  snapshot: SnapshotRecord
  /** Kept open, so that nobody deletes the snapshot meanwhile. `undefined`: it cannot be trusted. */
  reader: SnapshotReader | undefined
  base: VouchedBase | undefined
}

const openBase = async (
  { pool, log }: BackUpVolumeDeps,
  command: BackUpVolume,
  current: SnapshotReader,
): Promise<OpenBase | undefined> => {
  const { poolVolumeName, target, volumeName } = command
  const made = pool.backupBase(poolVolumeName, { target, backupVolume: volumeName })
  if (!made) return undefined
  const { snapshot } = made
  const reader = await pool.openSnapshot(poolVolumeName, snapshot.name).catch((error: unknown) => {
    if (!(error instanceof VolumeError) || error.code !== 'layer-damaged') throw error
    log.warn('snapshot of the last backup cannot be used: comparing content', { error: error.message })
    return undefined
  })
  const base = reader && {
    backupName: made.backupName,
    isThatBackup: isThatBackup(made.backupCreatedAt, snapshot.name),
    changedBlocks: changedBlocks(current, snapshot.name),
  }
  return { snapshot, reader, base }
}

/** Goes when nobody needs it: not a user's, not the base of a next backup, not being read. */
const release = async (
  { pool, log }: Pick<BackUpVolumeDeps, 'pool' | 'log'>,
  volume: string,
  snapshot: SnapshotRecord,
): Promise<void> => {
  if (snapshot.isUserCreated || pool.isBackupBase(volume, snapshot.id)) return
  await pool.deleteSnapshot(volume, snapshot.name).catch((error: unknown) => {
    if (!(error instanceof VolumeError)) throw error
    log.warn('snapshot of an earlier backup not deleted', { snapshot: snapshot.name, error: error.message })
  })
}

const labelsFor = ({ labels }: BackUpVolume, sectorSizeBytes: number): BackUpVolume['labels'] =>
  sectorSizeBytes === 512 ? labels : { ...labels, [sectorSizeLabel]: String(sectorSizeBytes) }

const backUpFrom = async (
  deps: BackUpVolumeDeps,
  command: BackUpVolume,
  reader: SnapshotReader,
  open: OpenBase | undefined,
): Promise<BackUpVolumeResult> => {
  const { pool, workers } = deps
  const { poolVolumeName, target, volumeName } = command
  const { snapshot } = reader
  const { blockSizeBytes, sectorSizeBytes } = await pool.showVolume(poolVolumeName)
  const source = await volumeSource(reader, workers)
  try {
    const result = await createBackup(deps)({
      ...command,
      source,
      base: open?.base,
      snapshotName: snapshot.name,
      blockSizeBytes: command.blockSizeBytes ?? blockSizeBytes,
      labels: labelsFor(command, sectorSizeBytes),
    })
    await pool.recordBackup(poolVolumeName, {
      target,
      backupVolume: volumeName,
      backupName: result.backupName,
      backupCreatedAt: result.createdAt,
      snapshotId: snapshot.id,
    })
    return {
      ...result,
      comparedBy: result.isBaseVouched ? 'snapshots' : 'content',
      consistency: snapshot.consistency,
    }
  } finally {
    await source.close()
  }
}

/**
 * Safe to repeat. A snapshot made for a backup that failed is deleted, unless that will be resumed; one left by a process that
 * died goes with `releaseLeftSnapshots`. @throws VolumeError; what createBackup throws.
 */
export const backUpVolume =
  (deps: BackUpVolumeDeps) =>
  async (command: BackUpVolume): Promise<BackUpVolumeResult> => {
    const { pool } = deps
    const volume = command.poolVolumeName
    const name = command.snapshotName ?? (await pool.createSnapshot(volume, { isUserCreated: false })).name
    const reader = await pool.openSnapshot(volume, name)
    let open: OpenBase | undefined
    let willResume = false
    try {
      open = await openBase(deps, command, reader)
      return await backUpFrom(deps, command, reader, open)
    } catch (error) {
      willResume = command.willResume?.(error) ?? false
      throw error
    } finally {
      reader.close()
      open?.reader?.close()
      // After a success the base before has been replaced; after a failure the new one is none.
      if (open) await release(deps, volume, open.snapshot)
      if (!willResume) await release(deps, volume, reader.snapshot)
    }
  }

/** Those that dead processes made for backups and no next backup needs. Only while no backup of the volume is under way. */
export const releaseLeftSnapshots =
  (deps: Pick<BackUpVolumeDeps, 'pool' | 'log'>) =>
  async (volume: string): Promise<void> => {
    for (const snapshot of deps.pool.recordedSnapshots(volume)) await release(deps, volume, snapshot)
  }

/**
 * @module record-last-backup: after the commit: volume.cfg names the new backup as the last one, and repaired blocks leave
 * the list of bad ones. Safe to repeat; a crash before it leaves a backup that exists but is not named: the cfgs decide.
 */
import { removeBadBlocks } from '#lib/backupstore/bad-blocks.ts'
import type { BackupConfig } from '#lib/backupstore/backup-config.ts'
import { updateVolumeConfig } from '#lib/backupstore/update-volume-config.ts'
import type { VolumeConfig } from '#lib/backupstore/volume-config.ts'
import type { VolumeKeys } from '#lib/backupstore/keys.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import type { BackupState } from './backup-state.ts'

export interface RecordLastBackup {
  keys: VolumeKeys
  state: BackupState
  config: BackupConfig
  sizeBytes: number
  newBlocks: number
  storageClassName: string | undefined
  /** Bad blocks that this backup sent again. */
  repaired: readonly string[]
}

/** Another's backup that is later stays the last one: two of one volume may run at once. */
const withLastBackup = (volume: VolumeConfig, record: RecordLastBackup): VolumeConfig => {
  const { config } = record
  const isLast = !(Date.parse(volume.lastBackupAt) > Date.parse(config.snapshotCreatedAt))
  return {
    ...volume,
    ...(isLast && {
      lastBackupName: config.name,
      lastBackupAt: config.snapshotCreatedAt,
      labels: config.labels,
    }),
    sizeBytes: Math.max(volume.sizeBytes, record.sizeBytes),
    blockCount: volume.blockCount + record.newBlocks,
    compressionMethod: config.compressionMethod,
    storageClassName: record.storageClassName ?? volume.storageClassName,
    dataEngine: volume.dataEngine === '' ? 'v1' : volume.dataEngine,
  }
}

export const recordLastBackup = async (store: ObjectStore, record: RecordLastBackup): Promise<void> => {
  const { keys, state } = record
  const read = { value: state.volume, etag: state.volumeEtag }
  await updateVolumeConfig(store, keys, read, (volume) => withLastBackup(volume ?? state.volume, record))
  if (record.repaired.length > 0) await removeBadBlocks(store, keys, record.repaired)
}

/**
 * Before the commit: no reader restores a backup with a block beyond the size in volume.cfg, so a crash after the commit must
 * not leave one. Safe to repeat; a backup that fails after it leaves a volume that did grow. Returns the state as it is then.
 */
export const recordGrowth = async (
  store: ObjectStore,
  { keys, state, sizeBytes }: Pick<RecordLastBackup, 'keys' | 'state' | 'sizeBytes'>,
): Promise<BackupState> => {
  if (sizeBytes <= state.volume.sizeBytes) return state
  const read = { value: state.volume, etag: state.volumeEtag }
  const now = await updateVolumeConfig(store, keys, read, (volume) =>
    volume && volume.sizeBytes < sizeBytes ? { ...volume, sizeBytes } : undefined,
  )
  return now ? { ...state, volume: now.value, volumeEtag: now.etag } : state
}

/**
 * @module restore-to-volume: restores a backup into a new volume of a pool, which exists for others only when it is complete.
 */
import { blockSizeOf, type BackupHeader } from '#lib/backupstore/backup-config.ts'
import { backupMissing, readBackupHeader, requireVolumeConfig } from '#lib/backupstore/backup-volume.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import type { Pool } from '#lib/volume/pool.ts'
import { sectorSizeLabel } from './back-up-volume.ts'
import type { BlockWorkers } from './block-workers.ts'
import { fileTarget } from './file-target.ts'
import { requireRestorable } from './restorable.ts'
import { restoreBackup, type RestoreBackup, type RestoreBackupResult } from './restore-backup.ts'

export interface RestoreToVolumeDeps {
  store: ObjectStore
  pool: Pool
  workers: BlockWorkers
}

export interface RestoreToVolume extends Omit<RestoreBackup, 'target' | 'fromBackupName'> {
  /** The new volume, in the pool. */
  poolVolumeName: string
}

/** Longhorn's volumes have sectors of 512 bytes, and say nothing of it. */
const sectorSizeOf = ({ labels }: BackupHeader): 512 | 4096 =>
  labels?.[sectorSizeLabel] === '4096' ? 4096 : 512

/** A failure leaves no volume. Several at once are fine. @throws VolumeError `volume-exists`, `pool-full`; what restoreBackup throws. */
export const restoreToVolume =
  ({ store, pool, workers }: RestoreToVolumeDeps) =>
  async (command: RestoreToVolume): Promise<RestoreBackupResult> => {
    const keys = volumeKeys(command.volumeName)
    const header = (await readBackupHeader(store, keys, command.backupName))?.value
    if (!header) throw backupMissing(store, keys, command.backupName)
    const config = await requireVolumeConfig(store, keys)
    requireRestorable(header, config)
    const volume = await pool.restoreVolume({
      name: command.poolVolumeName,
      sizeBytes: config.sizeBytes,
      blockSizeBytes: blockSizeOf(header.parameters),
      sectorSizeBytes: sectorSizeOf(header),
    })
    try {
      const target = await fileTarget(volume.path, workers)
      // It was made just now, is all zeros, and large enough.
      const blank = { ...target, isNew: true, prepare: async () => undefined }
      const restoring = restoreBackup({ store })({ ...command, target: blank })
      const result = await restoring.catch(async (error: unknown) => {
        await target.abandon()
        throw error
      })
      await target.finish()
      await volume.finish()
      return result
    } catch (error) {
      await volume.abandon()
      throw error
    }
  }

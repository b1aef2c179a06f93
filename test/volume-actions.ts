/**
 * @module volume-actions: what can be done with one volume in a store, each in one line of a test.
 */
import type { Clock } from '#lib/base/clock.ts'
import { randomIds, type Ids } from '#lib/base/ids.ts'
import { silentLog, type Log } from '#lib/base/log.ts'
import { openBlock } from '#lib/backupstore/block.ts'
import { createBackup, type CreateBackup, type CreateBackupResult } from '#lib/backup/create-backup.ts'
import { deleteBackupVolume, type DeleteBackupVolumeResult } from '#lib/backup/delete-backup-volume.ts'
import { collectBackupVolume, deleteBackup, type DeleteBackupResult } from '#lib/backup/delete-backup.ts'
import type { CollectOutcome } from '#lib/backup/collect-blocks.ts'
import { restoreBackup, type RestoreBackup, type RestoreBackupResult } from '#lib/backup/restore-backup.ts'
import type { RestoreTarget } from '#lib/backup/restore-target.ts'
import { verifyBackups, type VerifyBackupsResult } from '#lib/backup/verify-backups.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { letterSource } from './letter-volume.ts'

export const volumeName = 'vol'

export interface VolumeActions {
  /** The content is a word, see letter-volume.ts; `options.source` comes before it. */
  backup: (backupName: string, word: string, options?: Partial<CreateBackup>) => Promise<CreateBackupResult>
  restore: (
    backupName: string,
    target: RestoreTarget,
    options?: Partial<RestoreBackup>,
  ) => Promise<RestoreBackupResult>
  remove: (backupName: string, options?: { skipCollect?: boolean }) => Promise<DeleteBackupResult>
  removeVolume: () => Promise<DeleteBackupVolumeResult>
  collect: () => Promise<CollectOutcome>
  verify: (backupName?: string) => Promise<VerifyBackupsResult>
}

export interface VolumeActionsDeps {
  store: ObjectStore
  clock: Clock
  ids?: Ids
  log?: Log
}

export const volumeActions = (given: VolumeActionsDeps): VolumeActions => {
  const deps = { ids: randomIds, log: silentLog, ...given }
  return {
    backup: (backupName, word, options) =>
      createBackup(deps)({ volumeName, backupName, source: letterSource(word), labels: {}, ...options }),
    restore: (backupName, target, options) =>
      restoreBackup(deps)({ volumeName, backupName, target, ...options }),
    remove: (backupName, options) => deleteBackup(deps)({ volumeName, backupName, ...options }),
    removeVolume: () => deleteBackupVolume(deps)({ volumeName }),
    collect: () => collectBackupVolume(deps)({ volumeName }),
    verify: (backupName) =>
      verifyBackups({ ...deps, check: async (block) => void openBlock(block) })({ volumeName, backupName }),
  }
}

/** Not random, so that what fails can be run again, and stores of two runs are the same. */
export const countedIds = (): Ids => {
  let count = 0
  return { name: (prefix) => `${prefix}-${String((count += 1)).padStart(16, '0')}` }
}

/**
 * @module delete-backup: deletes one backup, committed or left by a failed one, and the blocks that no other backup names;
 * and the same collection of blocks without a deletion.
 *
 * Safe to repeat: after a crash the second run finds no such backup, and collects. Source: longhorn.md 3.4.
 */
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { collectBlocks, deleteUnderLock, type CollectOutcome } from './collect-blocks.ts'
import { withDeletionLock, type DeletionDeps, type DeletionOptions } from './with-deletion-lock.ts'

export interface DeleteBackup extends DeletionOptions {
  volumeName: string
  backupName: string
  /** Leaves unused blocks to a later collection: for many deletions in a row. */
  skipCollect?: boolean | undefined
}

export interface DeleteBackupResult {
  volumeName: string
  backupName: string
  /** Whether there was such a backup, by this run's first look. */
  wasThere: boolean
  /** `undefined` with `skipCollect`. */
  collect: CollectOutcome | undefined
}

/** @throws BackupstoreError `locked`, `lock-lost`, `invalid-name`; ObjectStoreError. */
export const deleteBackup =
  (deps: DeletionDeps) =>
  async (command: DeleteBackup): Promise<DeleteBackupResult> => {
    const { volumeName, backupName } = command
    const keys = volumeKeys(volumeName)
    const key = keys.backupConfig(backupName)
    let wasThere = false
    const collect = await withDeletionLock(deps, keys, command, async (under) => {
      wasThere ||= (await deps.store.head(key)) !== undefined
      if (wasThere) await deleteUnderLock(under, [key])
      return command.skipCollect ? undefined : collectBlocks(under)
    })
    return { volumeName, backupName, wasThere, collect }
  }

/** Removes what failed backups of a volume left. @throws as `deleteBackup`. */
export const collectBackupVolume =
  (deps: DeletionDeps) =>
  async (command: DeletionOptions & { volumeName: string }): Promise<CollectOutcome> =>
    withDeletionLock(deps, volumeKeys(command.volumeName), command, collectBlocks)

/**
 * @module delete-backup-volume: deletes everything that a backupstore holds of one volume.
 *
 * In this order, so that what a crash leaves is still found and never restored by mistake: configs of backups, blocks, the
 * rest, expired locks, volume.cfg, and our own lock last. Exact keys from a listing; safe to repeat. Source: longhorn.md 3.5.
 */
import { blockChecksumOf, volumeKeys, type VolumeKeys } from '#lib/backupstore/keys.ts'
import { isExpired, readLocks } from '#lib/backupstore/lock-file.ts'
import { deleteUnderLock, type CollectDeps } from './collect-blocks.ts'
import { withDeletionLock, type DeletionDeps, type DeletionOptions } from './with-deletion-lock.ts'

export interface DeleteBackupVolumeResult {
  volumeName: string
  deletedBackups: number
  deletedBlocks: number
  deletedBytes: number
}

interface Found {
  keys: string[]
  blocks: number
  bytes: number
}

const findAll = async ({ store, signal }: CollectDeps, keys: VolumeKeys, prefix: string): Promise<Found> => {
  const found: Found = { keys: [], blocks: 0, bytes: 0 }
  for await (const page of store.list(prefix, signal ? { signal } : {})) {
    for (const { key, sizeBytes } of page.objects) {
      found.keys.push(key)
      found.blocks += blockChecksumOf(keys, key) === undefined ? 0 : 1
      found.bytes += sizeBytes
    }
  }
  return found
}

/** A live lock is another deletion's, which counts on it until it ends: Longhorn removes those too, and so can lose blocks. */
const expiredLocks = async ({ store, lock }: CollectDeps, keys: VolumeKeys): Promise<string[]> =>
  (await readLocks(store, keys, lock.name)).filter(isExpired).map((other) => keys.lock(other.name))

/** @throws BackupstoreError `locked`, `lock-lost`, `invalid-name`; ObjectStoreError. */
export const deleteBackupVolume =
  (deps: DeletionDeps) =>
  async (command: DeletionOptions & { volumeName: string }): Promise<DeleteBackupVolumeResult> => {
    const keys = volumeKeys(command.volumeName)
    const result: DeleteBackupVolumeResult = {
      volumeName: command.volumeName,
      deletedBackups: 0,
      deletedBlocks: 0,
      deletedBytes: 0,
    }
    await withDeletionLock(deps, keys, command, async (under) => {
      const backups = await findAll(under, keys, keys.backupsFolder)
      await deleteUnderLock(under, backups.keys)
      result.deletedBackups += backups.keys.length
      const rest = await findAll(under, keys, keys.folder)
      await deleteUnderLock(
        under,
        rest.keys.filter((key) => key !== keys.volumeConfig && !key.startsWith(keys.locksFolder)),
      )
      await deleteUnderLock(under, await expiredLocks(under, keys))
      await deleteUnderLock(under, [keys.volumeConfig])
      result.deletedBlocks += rest.blocks
      result.deletedBytes += rest.bytes
    })
    return result
  }

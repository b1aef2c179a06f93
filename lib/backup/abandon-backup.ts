/**
 * @module abandon-backup: takes back what a backup left in the store when its process died, and that will not go on: its mark, and
 * its lock, which would keep deletions waiting. What it sent the next collection removes.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { readBackupHeader } from '#lib/backupstore/backup-volume.ts'
import { isMarkUnder, removeMark } from '#lib/backupstore/in-progress.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { removeLock } from '#lib/backupstore/own-lock.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'

export interface AbandonBackupDeps {
  store: ObjectStore
  clock: Clock
  log: Log
}

export interface AbandonBackup {
  volumeName: string
  backupName: string
  lockName: string
}

/** Only by its maker: nobody else's mark or lock is touched, and a backup that is committed stays. Safe to repeat. */
export const abandonBackup =
  (deps: AbandonBackupDeps) =>
  async ({ volumeName, backupName, lockName }: AbandonBackup): Promise<void> => {
    const { store } = deps
    const keys = volumeKeys(volumeName)
    const there = await readBackupHeader(store, keys, backupName)
    if (there && isMarkUnder(there.value, lockName))
      await removeMark({ store, checkLock: async () => {} }, keys, { backupName, etag: there.etag })
    await removeLock(deps, keys.lock(lockName))
  }

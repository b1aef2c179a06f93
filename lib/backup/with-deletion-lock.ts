/**
 * @module with-deletion-lock: does something under a deletion lock, from the start again when the lock was lost on the way.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Ids } from '#lib/base/ids.ts'
import type { Log } from '#lib/base/log.ts'
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import type { VolumeKeys } from '#lib/backupstore/keys.ts'
import { takeDeletionLock } from '#lib/backupstore/deletion-lock.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { removeOldLocks, type CollectDeps } from './collect-blocks.ts'

export interface DeletionDeps {
  store: ObjectStore
  clock: Clock
  ids: Ids
  log: Log
}

export interface DeletionOptions {
  lockName?: string | undefined
  /** How long to wait for backups and restores of the volume to end. Default: 15 minutes. */
  lockWaitMs?: number | undefined
  signal?: AbortSignal | undefined
}

const tries = 5
const defaultLockWaitMs = 15 * 60_000

/** `work` must be safe to repeat. @throws BackupstoreError `locked`, `lock-lost`. */
export const withDeletionLock = async <T>(
  deps: DeletionDeps,
  keys: VolumeKeys,
  options: DeletionOptions,
  work: (collect: CollectDeps) => Promise<T>,
): Promise<T> => {
  const { signal } = options
  const lockName = options.lockName ?? deps.ids.name('lock')
  for (let attempt = 1; ; attempt++) {
    const lock = await takeDeletionLock(deps, {
      keys,
      lockName,
      waitMs: options.lockWaitMs ?? defaultLockWaitMs,
      signal,
    })
    const collect = { store: deps.store, keys, lock, signal }
    try {
      await removeOldLocks(collect)
      return await work(collect)
    } catch (error) {
      const isLost = error instanceof BackupstoreError && error.code === 'lock-lost'
      if (!isLost || attempt === tries) throw error
      deps.log.warn('deletion lock was lost; starting over', { volume: keys.volumeName, lock: lockName })
    } finally {
      await lock.release()
    }
  }
}

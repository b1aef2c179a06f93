/**
 * @module collect-blocks: under a deletion lock: removes what crashed backups left, and the blocks that no backup names.
 *
 * - The choice is made from configs read inside the lock. A config that cannot be read, or an in-progress mark that is not ours
 *   to remove, and no block is deleted.
 * - One flat listing, 1,000 keys a request; the backups are listed once more after it; exact keys only.
 * - A request to delete goes out only after our lock was found there and fresh.
 *
 * Source: longhorn.md 3.4, docs/backupstore-format.md. Safe to repeat.
 */
import { maxKeysPerDelete, type ObjectStore } from '#lib/object-store/object-store.ts'
import type { BackupHeader } from '#lib/backupstore/backup-config.ts'
import {
  latestBackup,
  listBackupNames,
  readBackup,
  readVolumeConfig,
  type Stored,
} from '#lib/backupstore/backup-volume.ts'
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import { checksumSet, type ChecksumSet } from '#lib/backupstore/checksum-set.ts'
import { isInProgress, isOwnMark, removeMark } from '#lib/backupstore/in-progress.ts'
import { blockChecksumOf, isTemporary, type VolumeKeys } from '#lib/backupstore/keys.ts'
import { isExpired, lockLifeNs, readLocks } from '#lib/backupstore/lock-file.ts'
import type { DeletionLock } from '#lib/backupstore/deletion-lock.ts'
import { updateVolumeConfig } from '#lib/backupstore/update-volume-config.ts'
import type { VolumeConfig } from '#lib/backupstore/volume-config.ts'

export type CollectOutcome =
  | {
      kind: 'collected'
      deletedBlocks: number
      /** As stored. */
      deletedBytes: number
      keptBlocks: number
      /** Named by a backup, but not there. */
      missingBlocks: number
      /** In-progress marks of failed backups. */
      removedMarks: string[]
    }
  | {
      kind: 'skipped'
      reason: 'in-progress' | 'unreadable' | 'changed'
      detail: string
      removedMarks: string[]
    }

export interface CollectDeps {
  store: ObjectStore
  keys: VolumeKeys
  lock: DeletionLock
  signal: AbortSignal | undefined
}

const deleteDeadlineMs = 30_000
const foreignMarkLifeNs = 24n * 3600n * 1_000_000_000n
/** Expired for over an hour. */
const oldLockNs = lockLifeNs + 3600n * 1_000_000_000n

/** Each request only after our lock was found to be there and fresh. */
export const deleteUnderLock = async (
  { store, lock, signal }: CollectDeps,
  keys: readonly string[],
): Promise<void> => {
  for (let at = 0; at < keys.length; at += maxKeysPerDelete) {
    signal?.throwIfAborted()
    await lock.check()
    await store.deleteMany(keys.slice(at, at + maxKeysPerDelete), { deadlineMs: deleteDeadlineMs })
  }
}

/** Those that were left over an hour ago: their owners are gone. */
const removeOld = async (deps: CollectDeps, keys: readonly string[]): Promise<void> => {
  for (const key of keys) {
    // Looked at right before: its owner may have woken up and taken it again.
    const head = await deps.store.head(key)
    if (head && head.serverTimeNs - head.lastModifiedNs > oldLockNs) await deleteUnderLock(deps, [key])
  }
}

export const removeOldLocks = (deps: CollectDeps): Promise<void> =>
  removeOld(
    deps,
    deps.lock.others.filter(isExpired).map((other) => deps.keys.lock(other.name)),
  )

/** What died before its rename. Under our lock nobody writes configs or blocks, so there it is nobody's. */
const temporariesIn = async ({ store }: CollectDeps, folder: string): Promise<string[]> => {
  const found: string[] = []
  for await (const page of store.list(folder, { delimiter: '/' })) {
    found.push(...page.objects.map((object) => object.key).filter(isTemporary))
  }
  return found
}

const hasLiveBackupLock = async ({ store, keys, lock }: CollectDeps): Promise<boolean> =>
  (await readLocks(store, keys, lock.name)).some((other) => other.type !== 2 && !isExpired(other))

/** Our own kind's mark when no backup holds a lock; others' after 24 hours. */
const mayRemoveMark = async (deps: CollectDeps, header: BackupHeader): Promise<boolean> => {
  if (isOwnMark(header)) return !(await hasLiveBackupLock(deps))
  const head = await deps.store.head(deps.keys.backupConfig(header.name))
  return head !== undefined && head.serverTimeNs - head.lastModifiedNs > foreignMarkLifeNs
}

const removeIfAllowed = async (deps: CollectDeps, mark: Stored<BackupHeader>): Promise<boolean> => {
  if (!(await mayRemoveMark(deps, mark.value))) return false
  const checkLock = () => deps.lock.check()
  return removeMark({ store: deps.store, checkLock }, deps.keys, {
    backupName: mark.value.name,
    etag: mark.etag,
  })
}

interface Survey {
  names: string[]
  headers: BackupHeader[]
  referenced: ChecksumSet
  removedMarks: string[]
  /** Why no block may be deleted. */
  obstacle: { reason: 'in-progress' | 'unreadable'; detail: string } | undefined
}

const readOrReason = async ({ store, keys }: CollectDeps, name: string) => {
  try {
    return await readBackup(store, keys, name)
  } catch (error) {
    if (error instanceof BackupstoreError) return error
    throw error
  }
}

/** Reads every backup's config. Removes the marks that may be removed. */
const survey = async (deps: CollectDeps): Promise<Survey> => {
  const { keys } = deps
  const found: Survey = {
    names: [],
    headers: [],
    referenced: checksumSet(),
    removedMarks: [],
    obstacle: undefined,
  }
  for (const name of await listBackupNames(deps.store, keys)) {
    const backup = await readOrReason(deps, name)
    if (!backup) continue
    if (backup instanceof BackupstoreError) {
      found.obstacle = { reason: 'unreadable', detail: backup.message }
    } else if (isInProgress(backup.value)) {
      if (await removeIfAllowed(deps, backup)) {
        found.removedMarks.push(name)
        continue
      }
      found.obstacle ??= { reason: 'in-progress', detail: `backup ${name} is in progress` }
    } else {
      const { blocks, ...header } = backup.value
      found.referenced.addPacked(blocks.checksums)
      found.headers.push(header)
    }
    found.names.push(name)
  }
  return found
}

/** volume.cfg must not name a backup that is gone; where not all configs can be read, it names none, as Longhorn does. */
const withPointer = (
  volume: VolumeConfig,
  { headers, names, obstacle }: Survey,
): VolumeConfig | undefined => {
  if (volume.lastBackupName === '' || names.includes(volume.lastBackupName)) return undefined
  const latest = obstacle?.reason === 'unreadable' ? undefined : latestBackup(headers)
  return { ...volume, lastBackupName: latest?.name ?? '', lastBackupAt: latest?.snapshotCreatedAt ?? '' }
}

interface Unused {
  keys: string[]
  blocks: number
  bytes: number
  kept: number
}

const listUnused = async ({ store, keys, signal }: CollectDeps, referenced: ChecksumSet): Promise<Unused> => {
  const unused: Unused = { keys: [], blocks: 0, bytes: 0, kept: 0 }
  for await (const page of store.list(keys.blocksFolder, signal ? { signal } : {})) {
    for (const { key, sizeBytes } of page.objects) {
      const checksum = blockChecksumOf(keys, key)
      if (checksum !== undefined && referenced.has(checksum)) unused.kept++
      else if (checksum !== undefined || isTemporary(key)) {
        unused.keys.push(key)
        unused.blocks += checksum === undefined ? 0 : 1
        unused.bytes += sizeBytes
      }
    }
  }
  return unused
}

/** The caller holds the deletion lock, and lets go of it. @throws BackupstoreError `lock-lost`: take it again and start over. */
export const collectBlocks = async (deps: CollectDeps): Promise<CollectOutcome> => {
  const { store, keys } = deps
  // Halves of locks.
  await removeOld(deps, await temporariesIn(deps, keys.locksFolder))
  const found = await survey(deps)
  const { removedMarks, obstacle } = found
  const volume = await readVolumeConfig(store, keys)
  if (volume)
    await updateVolumeConfig(store, keys, volume, (current) => current && withPointer(current, found))
  if (obstacle) return { kind: 'skipped', ...obstacle, removedMarks }

  const unused = await listUnused(deps, found.referenced)
  const names = await listBackupNames(store, keys)
  if (names.join('\n') !== found.names.join('\n')) {
    return {
      kind: 'skipped',
      reason: 'changed',
      detail: 'the backups changed while blocks were listed',
      removedMarks,
    }
  }
  const halves = [
    ...(await temporariesIn(deps, keys.folder)),
    ...(await temporariesIn(deps, keys.backupsFolder)),
  ]
  await deleteUnderLock(deps, [...unused.keys, ...halves])
  const now = await readVolumeConfig(store, keys)
  const withCount = (current: VolumeConfig | undefined) =>
    current && current.blockCount !== unused.kept ? { ...current, blockCount: unused.kept } : undefined
  if (now) await updateVolumeConfig(store, keys, now, withCount)
  return {
    kind: 'collected',
    deletedBlocks: unused.blocks,
    deletedBytes: unused.bytes,
    keptBlocks: unused.kept,
    missingBlocks: found.referenced.size - unused.kept,
    removedMarks,
  }
}

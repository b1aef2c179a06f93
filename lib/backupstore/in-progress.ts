/**
 * @module in-progress: the mark that a backup is being made: its `backup_*.cfg` without CreatedTime.
 *
 * While any mark is there nobody collects blocks, so the mark keeps what the backup builds on. The commit replaces it, on the
 * condition that it is still the same object. Ours carries the name of its maker's lock, in a label, which Longhorn ignores;
 * that makes it unlike any other's, and tells us what we may clear away.
 */
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { encodeBackupConfig, inProgressConfig, type BackupHeader } from './backup-config.ts'
import { BackupstoreError } from './backupstore-error.ts'
import type { VolumeKeys } from './keys.ts'
import { putOwn } from './own-put.ts'

const lockLabel = 'drover.io/lock'

export const isInProgress = (header: Pick<BackupHeader, 'createdAt'>): boolean => header.createdAt === ''

/** Whether Drover wrote this mark, rather than Longhorn. */
export const isOwnMark = (header: BackupHeader): boolean =>
  isInProgress(header) && header.labels?.[lockLabel] !== undefined

/** Whether it is the mark of the backup that holds, or held, this lock. */
export const isMarkUnder = (header: BackupHeader, lockName: string): boolean =>
  isInProgress(header) && header.labels?.[lockLabel] === lockName

interface Mark {
  backupName: string
  lockName: string
  compressionMethod: string
}

const encodeMark = (
  { volumeName }: VolumeKeys,
  { backupName, lockName, compressionMethod }: Mark,
): Uint8Array => {
  const labels = { [lockLabel]: lockName }
  const config = inProgressConfig({ name: backupName, volumeName, compressionMethod, labels })
  return Buffer.concat([...encodeBackupConfig(config).open()])
}

/** Returns the mark's etag. @throws BackupstoreError `backup-exists`. */
export const putMark = async (store: ObjectStore, keys: VolumeKeys, mark: Mark): Promise<string> => {
  const bytes = encodeMark(keys, mark)
  const etag = await putOwn(store, keys.backupConfig(mark.backupName), bytes, { kind: 'absent' })
  if (etag !== undefined) return etag
  throw new BackupstoreError(
    'backup-exists',
    `volume ${keys.volumeName} has a backup ${mark.backupName} already`,
    {
      hint: 'choose another name, or leave it out to have one made',
    },
  )
}

/**
 * Removes a mark that was read with this etag. It is first replaced by another mark, on the condition that it is unchanged:
 * a backup that commits at this moment is then either refused, or not touched. Returns whether it is gone.
 */
export const removeMark = async (
  { store, checkLock }: { store: ObjectStore; checkLock: () => Promise<void> },
  keys: VolumeKeys,
  { backupName, etag: markEtag }: { backupName: string; etag: string },
): Promise<boolean> => {
  const key = keys.backupConfig(backupName)
  const bytes = encodeMark(keys, { backupName, compressionMethod: '', lockName: 'removed' })
  await checkLock()
  const etag = await putOwn(store, key, bytes, { kind: 'unchanged', etag: markEtag })
  if (etag === undefined) return false
  await checkLock()
  await store.deleteMany([key], { deadlineMs: 30_000 })
  return true
}

export const markLostError = (keys: VolumeKeys, backupName: string): BackupstoreError =>
  new BackupstoreError(
    'mark-lost',
    `backup ${backupName} of volume ${keys.volumeName} was given up: its in-progress mark is gone`,
    {
      hint: 'a deletion found no sign of life of this backup and cleared it away; start a new backup',
    },
  )

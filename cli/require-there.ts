/**
 * @module require-there: a look before a deletion or a verification, so that a mistyped name is told as such, with nothing changed.
 */
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'

type Reads = Pick<ObjectStore, 'head' | 'list' | 'description'>

export const volumeMissing = (
  volumeName: string,
  store: Pick<ObjectStore, 'description'>,
): BackupstoreError =>
  new BackupstoreError('volume-missing', `there is no backup volume ${volumeName} in ${store.description}`, {
    hint: 'look at the volumes that are there with "drover backup list"',
  })

export const backupMissing = (
  volumeName: string,
  backupName: string,
  store: Pick<ObjectStore, 'description'>,
): BackupstoreError =>
  new BackupstoreError(
    'backup-missing',
    `volume ${volumeName} has no backup ${backupName} in ${store.description}`,
    {
      hint: 'look at the backups that are there with "drover backup list"',
    },
  )

/** Whether anything lies in the volume's folder, be it without a volume.cfg. */
const hasVolume = async (store: Reads, volumeName: string): Promise<boolean> => {
  for await (const page of store.list(volumeKeys(volumeName).folder)) if (page.objects.length > 0) return true
  return false
}

/** One HEAD for a backup, one page of a LIST for a volume. @throws BackupstoreError `volume-missing`, `backup-missing`, `invalid-name`. */
export const requireThere = async (store: Reads, volumeName: string, backupName?: string): Promise<void> => {
  const key = backupName === undefined ? undefined : volumeKeys(volumeName).backupConfig(backupName)
  if (key !== undefined && (await store.head(key))) return
  if (!(await hasVolume(store, volumeName))) throw volumeMissing(volumeName, store)
  if (backupName !== undefined) throw backupMissing(volumeName, backupName, store)
}

/**
 * @module named-backup: a backup that the catalog knows, by its name, or by the one that stands for the newest.
 */
import type { ApiClient } from '#lib/api/client.ts'
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import type { BackupReference } from './backup-where.ts'

/** The name that stands for whichever is the newest that can be restored. */
const newestName = 'latest'

/** They are listed newest first. @throws BackupstoreError `backup-missing`. */
export const namedBackup = async (
  client: Pick<ApiClient, 'backups'>,
  wanted: Required<BackupReference>,
): Promise<Required<BackupReference>> => {
  const { target, backupVolume, backup } = wanted
  if (backup !== newestName) return wanted
  for await (const { name, obstacle } of client.backups.list(target, backupVolume))
    if (obstacle === null) return { target, backupVolume, backup: name }
  throw new BackupstoreError(
    'backup-missing',
    `${target}/${backupVolume} has no backup that can be restored`,
    {
      hint: `see: drover backup list ${target}/${backupVolume}`,
    },
  )
}

/**
 * @module catalog-view: backups as the service's catalog has them, as they are shown.
 */
import { formatBytes } from '#lib/base/sizes.ts'
import type { Backup, BackupVolume } from '../answers.ts'
import { fieldsText, type Column } from './tables.ts'
import type { Outcome } from './terminal.ts'

/** As commands take it. */
export const backupName = ({ target, volume, name }: Pick<Backup, 'target' | 'volume' | 'name'>): string =>
  `${target}/${volume}/${name}`

const kindText = ({ isIncremental }: Backup): string => (isIncremental ? 'incremental' : 'full')
const stateText = ({ obstacle }: Backup): string => (obstacle === null ? 'ok' : `not restorable: ${obstacle}`)

export const catalogVolumeColumns: Column<BackupVolume>[] = [
  { title: 'BACKUP VOLUME', value: ({ target, name }) => `${target}/${name}` },
  { title: 'SIZE', value: ({ sizeBytes }) => formatBytes(sizeBytes), isRight: true },
  { title: 'LAST BACKUP', value: ({ lastBackupName }) => lastBackupName || undefined },
  { title: 'AT', value: ({ lastBackupAt }) => lastBackupAt || undefined },
]

export const catalogBackupColumns: Column<Backup>[] = [
  { title: 'BACKUP', value: backupName },
  { title: 'SNAPSHOT AT', value: ({ snapshotCreatedAt }) => snapshotCreatedAt },
  { title: 'SIZE', value: ({ sizeBytes }) => formatBytes(sizeBytes), isRight: true },
  { title: 'UPLOADED', value: ({ newlyUploadedBytes }) => formatBytes(newlyUploadedBytes), isRight: true },
  { title: 'KIND', value: kindText },
  { title: 'JOB', value: ({ labels }) => labels['RecurringJob'] },
  { title: 'STATE', value: stateText },
]

export const catalogBackupOutcome = (backup: Backup): Outcome => ({
  json: backup,
  text: fieldsText({
    backup: backupName(backup),
    state: stateText(backup),
    kind: kindText(backup),
    snapshot: backup.snapshotName,
    'snapshot at': backup.snapshotCreatedAt,
    'completed at': backup.createdAt,
    size: formatBytes(backup.sizeBytes),
    uploaded: formatBytes(backup.newlyUploadedBytes),
    labels:
      Object.entries(backup.labels)
        .map((label) => label.join('='))
        .join(', ') || undefined,
  }),
  handles: [backupName(backup)],
})

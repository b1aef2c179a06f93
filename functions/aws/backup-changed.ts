/** @module backup-changed: what follows when a report says that a backup volume changed: it is looked at now. */
import { backupCommittedEvent, type ChangedBackupVolume } from '#lib/backup-index/object-event.ts'
import { indexBackup } from '../index-backup.ts'
import { catalog } from './catalog-on-dynamodb.ts'
import { clock, log } from './invocation.ts'
import { openTarget } from './targets.ts'

export const onBackupChanged = (changed: ChangedBackupVolume): Promise<void> =>
  indexBackup({ catalog, openTarget, clock, log })(backupCommittedEvent(changed))

/**
 * @module after-end: what follows when an operation has ended: its volume in the catalog, the index of the backupstore, and what its
 * job need not keep any more, which is seen in the index. Safe to repeat, from the start.
 */
import type { ChangedBackupVolume } from '#lib/backup-index/object-event.ts'
import { recordVolumeOutcome, type RecordVolumeOutcomeDeps } from '#lib/catalog/operation-ended.ts'
import { retain, type RetainDeps } from '#lib/jobs/retain.ts'
import type { Operation } from '#lib/operation/operation.ts'

export interface AfterEndDeps extends RetainDeps {
  catalog: RetainDeps['catalog'] & RecordVolumeOutcomeDeps['catalog']
  /** Returns when the catalog knows of it. */
  onBackupChanged: (changed: ChangedBackupVolume) => Promise<void>
}

const isOfBackup = (operation: Operation): operation is Operation<'create-backup' | 'delete-backup'> =>
  operation.kind === 'create-backup' || operation.kind === 'delete-backup'

/** What an operation that has ended changed in a backupstore. */
export const changedBy = (operation: Operation): ChangedBackupVolume | undefined => {
  if (operation.state !== 'succeeded' || !isOfBackup(operation)) return undefined
  if (operation.kind === 'create-backup' && operation.result?.['outcome'] !== 'made') return undefined
  const { target, backupVolume, backup: asked } = operation.parameters
  // One that was made anew has another name.
  const made = operation.result?.['backup']
  return { target, backupVolume, backups: [typeof made === 'string' ? made : asked] }
}

export const afterEnd =
  (deps: AfterEndDeps) =>
  async (operation: Operation, { isIndexed = false } = {}): Promise<void> => {
    await recordVolumeOutcome(deps)(operation)
    const changed = isIndexed ? undefined : changedBy(operation)
    if (changed) await deps.onBackupChanged(changed)
    await retain(deps)(operation)
  }

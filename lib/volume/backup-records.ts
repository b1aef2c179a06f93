/**
 * @module backup-records: which backup was made from which snapshot, so that the next one need only look at what changed since.
 */
import { changeVolume } from './pending.ts'
import { requireVolume, writeVolume, type PoolContext } from './pool-context.ts'
import type { BackupRecord, SnapshotRecord } from './volume-record.ts'

export interface BackupBase {
  backupName: string
  backupCreatedAt: string
  snapshot: SnapshotRecord
}

export interface MadeBackup {
  /** As its URL is written. */
  target: string
  backupVolume: string
  backupName: string
  backupCreatedAt: string
  snapshotId: string
}

interface BackupVolume {
  target: string
  backupVolume: string
}

const isOf = (record: BackupRecord, { target, backupVolume }: BackupVolume): boolean =>
  record.target === target && record.backupVolume === backupVolume

/** `undefined`: none was recorded, or its snapshot is gone. */
export const backupBase = (
  context: PoolContext,
  volumeName: string,
  of: BackupVolume,
): BackupBase | undefined => {
  const { record } = requireVolume(context, volumeName)
  const made = record.backups.find((backup) => isOf(backup, of))
  const snapshot = made && record.snapshots.find(({ id }) => id === made.snapshotId)
  return snapshot && { backupName: made.backupName, backupCreatedAt: made.backupCreatedAt, snapshot }
}

/** Durable when it returns; replaces what was recorded for that backup volume. */
export const recordBackup = (context: PoolContext, volumeName: string, made: MadeBackup): Promise<void> => {
  return changeVolume(context, volumeName, async (entry) => {
    const others = entry.record.backups.filter((backup) => !isOf(backup, made))
    await writeVolume(context, entry, { ...entry.record, backups: [...others, made] })
  })
}

/** Whether the next backup to some target needs it. */
export const isBackupBase = (context: PoolContext, volumeName: string, snapshotId: string): boolean =>
  requireVolume(context, volumeName).record.backups.some((backup) => backup.snapshotId === snapshotId)

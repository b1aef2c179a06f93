import { CodedError } from '#lib/base/errors.ts'

export type BackupErrorCode =
  | 'source-missing' // nothing can be read at the source's path
  | 'source-size' // the source's size is no whole number of blocks, or smaller than the volume was
  | 'source-changed' // the source was written to while it was read
  | 'source-failed' // a read of the source failed
  | 'target-busy' // the device to restore to is mounted or held by another
  | 'target-size' // the device to restore to is smaller than the volume
  | 'target-failed' // a write to the target failed
  | 'blocks-bad' // blocks of a backup are missing or damaged
  | 'block-size-changed' // two backups, or a backup and its volume, differ in block size
  | 'backup-deleted' // the backup was deleted while it was read
  | 'not-restorable' // sound, but its data alone is no volume: backing image, whole-file backup

export class BackupError extends CodedError<BackupErrorCode> {}

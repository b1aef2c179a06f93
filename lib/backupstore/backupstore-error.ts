import { CodedError } from '#lib/base/errors.ts'

const codes = [
  'invalid-name', // a volume, backup or lock name that Longhorn's rule refuses (longhorn.md 1.3)
  'invalid-config', // a cfg that is cut, empty, of wrong types, or says what cannot be
  'config-too-large', // a cfg larger than a volume of any size could need
  'unsupported', // a backup that is sound but cannot be restored here: backing image, encrypted, unknown block size
  'invalid-block', // a block that does not decompress to exactly one block, or whose content is not what its name says
  'block-missing', // a block that a backup names is not in the store
  'volume-missing', // no volume.cfg
  'backup-missing', // no such backup_*.cfg
  'backup-in-progress', // a backup_*.cfg without CreatedTime: not finished, or what a failed one left
  'backup-exists', // the name is taken
  'locked', // another's lock did not go away in the time that the caller gave
  'lock-lost', // our lock was removed, or could not be refreshed in time
  'mark-lost', // our in-progress mark was removed or replaced: this backup can never be committed
  'conflict', // an object was changed by others again and again while we tried to
] as const
export type BackupstoreErrorCode = (typeof codes)[number]

export const isBackupstoreErrorCode = (code: string | undefined): code is BackupstoreErrorCode =>
  codes.some((known) => known === code)

export class BackupstoreError extends CodedError<BackupstoreErrorCode> {}

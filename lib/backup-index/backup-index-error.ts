import { CodedError } from '#lib/base/errors.ts'

export type BackupIndexErrorCode =
  | 'unreadable-event' // an event of a shape that nobody is known to send
  | 'not-asked' // a look at a target could not be asked for
  | 'empty-target' // it held backups before: a share that is not mounted

export class BackupIndexError extends CodedError<BackupIndexErrorCode> {}

import { CodedError } from '#lib/base/errors.ts'

export type BackupIndexErrorCode = 'unreadable-event' // an event of a shape that nobody is known to send

export class BackupIndexError extends CodedError<BackupIndexErrorCode> {}

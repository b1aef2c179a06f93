import { CodedError } from '#lib/base/errors.ts'

export type ScheduleErrorCode =
  | 'invalid-cron' // no cron expression of five fields
  | 'never-due' // one, but of days that do not exist
  | 'too-many-rules' // the account's limit of rules is reached
  | 'access-denied' // whoever asked may not, or is not known
  | 'unavailable' // asking again did not help: throttled, or not reached
  | 'failed' // any other refusal

export class ScheduleError extends CodedError<ScheduleErrorCode> {}

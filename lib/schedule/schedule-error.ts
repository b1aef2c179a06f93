import { CodedError } from '#lib/base/errors.ts'

export type ScheduleErrorCode =
  | 'invalid-cron' // no cron expression of five fields
  | 'never-due' // one, but of days that do not exist

export class ScheduleError extends CodedError<ScheduleErrorCode> {}

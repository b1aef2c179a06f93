import { CodedError } from '#lib/base/errors.ts'

export type UsageErrorCode =
  | 'wrong-usage' // arguments that make no command: unknown, missing, or at odds with each other
  | 'invalid-label' // a label that Kubernetes or Longhorn would refuse
  | 'not-confirmed' // asked whether to throw something away, somebody said no

export class UsageError extends CodedError<UsageErrorCode> {}

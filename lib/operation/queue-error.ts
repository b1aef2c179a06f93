import { CodedError } from '#lib/base/errors.ts'

export type QueueErrorCode =
  | 'message-too-large' // more than a message may have: SQS's limit, kept by every adapter
  | 'no-queue' // it is not there, or not any more
  | 'access-denied' // the service does not take our credentials, or they do not allow it
  | 'throttled' // the service asks for patience, and went on doing so
  | 'unreachable' // no answer, or one of trouble on the service's side
  | 'name-blocked' // a queue of this name was removed less than a minute ago
  | 'failed' // the service refuses, for a reason that is our fault

export class QueueError extends CodedError<QueueErrorCode> {}

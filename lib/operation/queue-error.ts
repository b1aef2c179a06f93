import { CodedError } from '#lib/base/errors.ts'

export type QueueErrorCode = 'message-too-large' // more than a message may have: SQS's limit, kept by every adapter

export class QueueError extends CodedError<QueueErrorCode> {}

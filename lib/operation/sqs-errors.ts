/**
 * @module sqs-errors: what SQS's errors, and those of the way to it, mean, once asking again did not help.
 *
 * Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
 */
import { SdkFailure } from '#lib/base/sdk-failure.ts'
import { QueueError, type QueueErrorCode } from './queue-error.ts'

export interface SqsRequest {
  /** As IAM names it. */
  action: string
  /** Its name or URL, or how the names begin that are looked for. */
  queue: string
}

interface Meaning {
  code: QueueErrorCode
  hint: (request: SqsRequest) => string
}

const noQueue: Meaning = {
  code: 'no-queue',
  hint: () => 'check that the queue exists in this region: that of a node is made when the node joins',
}
const mayNot: Meaning = {
  code: 'access-denied',
  hint: ({ action, queue }) => `let the role do sqs:${action} on ${queue}`,
}
const mayNotUseKey: Meaning = {
  code: 'access-denied',
  hint: () =>
    'let the role do kms:GenerateDataKey and kms:Decrypt with the key of the queue, and check that the key is enabled',
}
const hasExpired: Meaning = {
  code: 'access-denied',
  hint: () => 'the credentials have expired: get new ones',
}
const hasWrongClock: Meaning = {
  code: 'access-denied',
  hint: () => 'the clock of this machine is wrong: set it by NTP',
}
const unknownToAws: Meaning = {
  code: 'access-denied',
  hint: () => 'check the credentials: that there are some, and that they are of this account and partition',
}
const throttled: Meaning = {
  code: 'throttled',
  hint: () => 'try again: a FIFO queue takes 300 requests a second',
}
const away: Meaning = {
  code: 'unreachable',
  hint: () => 'try again; check the network, the proxy, and the health of SQS in this region',
}
const nameBlocked: Meaning = {
  code: 'name-blocked',
  hint: () => 'SQS blocks the name of a queue for 60 s after its removal: try again in a minute',
}
const isOtherwise: Meaning = {
  code: 'failed',
  hint: ({ queue }) =>
    `${queue} is there, with other attributes than it would be made with: remove it when it is empty, and try again in a minute`,
}
const refused: Meaning = {
  code: 'failed',
  hint: ({ queue }) => `check that ${queue} is a queue of this installation's template, unchanged`,
}

const known: Record<string, Meaning> = {
  QueueDoesNotExist: noQueue,
  AccessDenied: mayNot,
  AccessDeniedException: mayNot,
  InvalidSecurity: mayNot,
  KmsAccessDenied: mayNotUseKey,
  KmsDisabled: mayNotUseKey,
  KmsInvalidState: mayNotUseKey,
  KmsNotFound: mayNotUseKey,
  KmsThrottled: throttled,
  ExpiredToken: hasExpired,
  ExpiredTokenException: hasExpired,
  RequestExpired: hasWrongClock,
  RequestTimeTooSkewed: hasWrongClock,
  CredentialsProviderError: unknownToAws,
  InvalidClientTokenId: unknownToAws,
  UnrecognizedClientException: unknownToAws,
  MissingAuthenticationToken: unknownToAws,
  MissingAuthenticationTokenException: unknownToAws,
  IncompleteSignature: unknownToAws,
  IncompleteSignatureException: unknownToAws,
  RequestThrottled: throttled,
  Throttling: throttled,
  ThrottlingException: throttled,
  OverLimit: throttled,
  QueueDeletedRecently: nameBlocked,
  QueueNameExists: isOtherwise,
}

const signatureNames = new Set(['SignatureDoesNotMatch', 'InvalidSignatureException'])

const meaningOf = ({ name, message, status }: SdkFailure): Meaning => {
  if (signatureNames.has(name))
    return /signature (expired|not yet current)/i.test(message) ? hasWrongClock : unknownToAws
  const found = known[name]
  if (found) return found
  if (status === 403) return mayNot
  return status === undefined || status >= 500 ? away : refused
}

export const sqsError = (request: SqsRequest, error: unknown): QueueError => {
  const failure = new SdkFailure(error)
  const { code, hint } = meaningOf(failure)
  return new QueueError(
    code,
    `${request.action} on queue ${request.queue}: ${failure.name}: ${failure.message}`,
    { hint: hint(request), cause: failure },
  )
}

/**
 * @module secrets-manager-errors: what Secrets Manager's errors, and those of the way to it, mean, once asking again did not help.
 *
 * None keeps the SDK's error: it has the request in it, and messages about a bad value may quote it. What is told is its name.
 * Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html
 */
import { credentialErrors, fieldOf } from '#lib/base/sdk-failure.ts'
import { SecretStoreError, type SecretStoreErrorCode } from './secret-store-error.ts'

export interface SecretRequest {
  action: string
  /** The secret's whole name, or how the names begin that are looked for. */
  secret: string
}

interface Meaning {
  code: SecretStoreErrorCode
  hint: (request: SecretRequest) => string
}

const mayNot: Meaning = {
  code: 'access-denied',
  hint: ({ action, secret }) =>
    `let the role do secretsmanager:${action} on secret ${secret}, and use the KMS key that it is encrypted with`,
}
const unknownToAws: Meaning = {
  code: 'access-denied',
  hint: () => 'check the credentials: that there are some, of this account, and not expired',
}
const throttled: Meaning = {
  code: 'throttled',
  hint: () => 'the account asks Secrets Manager too often: try again',
}
const noKey: Meaning = {
  code: 'failed',
  hint: () => 'check that the KMS key of the secret is there and enabled',
}
const full: Meaning = {
  code: 'failed',
  hint: () => 'the account has all the secrets, or versions of one, that it may have: remove some',
}
const other: Meaning = {
  code: 'failed',
  hint: () => 'try again; check the network, and the health of Secrets Manager in this region',
}

const known: Record<string, Meaning> = {
  AccessDeniedException: mayNot,
  ...Object.fromEntries(credentialErrors.map((name) => [name, unknownToAws])),
  ThrottlingException: throttled,
  Throttling: throttled,
  TooManyRequestsException: throttled,
  DecryptionFailure: noKey,
  EncryptionFailure: noKey,
  LimitExceededException: full,
}

/** As names of errors are: nothing else of them is told. */
const nameOf = (error: unknown): string => {
  const name = fieldOf(error, 'name')
  return typeof name === 'string' && /^\w{1,80}$/.test(name) ? name : 'Error'
}

export const secretsManagerError = (request: SecretRequest, error: unknown): SecretStoreError => {
  const metadata = fieldOf(error, '$metadata')
  const status = fieldOf(metadata, 'httpStatusCode')
  const requestId = fieldOf(metadata, 'requestId')
  const name = nameOf(error)
  const { code, hint } = known[name] ?? (status === 403 ? mayNot : other)
  const id = typeof requestId === 'string' ? `, request ${requestId}` : ''
  return new SecretStoreError(code, `${request.action} of secret ${request.secret}: ${name}${id}`, {
    hint: hint(request),
  })
}

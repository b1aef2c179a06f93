/**
 * @module s3-errors: what an S3 server's errors, and those of the way to it, mean.
 *
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and the codes MinIO adds.
 */
import { fieldOf, SdkFailure } from '#lib/base/sdk-failure.ts'
import { ObjectStoreError, type ObjectStoreErrorCode } from './object-store.ts'

export class S3Failure extends SdkFailure {
  /** The SDK goes by the server's clock from then on. */
  readonly isSkewCorrected: boolean

  constructor(error: unknown) {
    const metadata = fieldOf(error, '$metadata')
    const text = error instanceof Error ? error.message : String(error)
    const isTold = text !== '' && text !== 'UnknownError'
    super(error, isTold ? text : `HTTP status ${String(fieldOf(metadata, 'httpStatusCode'))}`)
    this.isSkewCorrected = fieldOf(metadata, 'clockSkewCorrected') === true
  }
}

const transientNames = new Set([
  'TimeoutError',
  'RequestTimeout',
  'SlowDown',
  'ServiceUnavailable',
  'InternalError',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  // Two writers of one key at once; neither was done: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
  'ConditionalRequestConflict',
  'OperationAborted',
  // The SDK goes by the server's clock from then on.
  'RequestTimeTooSkewed',
])
const transientStatuses = new Set([408, 429, 500, 502, 503, 504])
const transientErrnos = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
])

export const isTransient = ({ name, status, errno, isSkewCorrected }: S3Failure): boolean =>
  transientNames.has(name) ||
  transientStatuses.has(status ?? 0) ||
  transientErrnos.has(errno ?? '') ||
  isSkewCorrected

/** Also HEAD's, whose answer has no body to tell a missing object from a missing bucket. */
export const isNotFound = ({ name, status }: S3Failure): boolean => status === 404 && name !== 'NoSuchBucket'

const checkKeys = 'check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
const checkRegion = 'check the region of the target: the bucket is in another'
const checkClock = 'the clocks of this machine and the server differ: set this one by NTP'
const checkToken = 'the credentials have expired: get new ones'
const checkRights =
  'check that the credentials allow s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject and s3:DeleteObject below the path'

/** AWS tells it, of its own. */
const whoIn = (message: string): string | undefined => /User: (arn:\S+)/.exec(message)?.[1]

const known: Record<string, { code: ObjectStoreErrorCode; hint: string }> = {
  NoSuchBucket: { code: 'no-bucket', hint: 'check the name of the bucket, its region and AWS_ENDPOINTS' },
  AccessDenied: { code: 'access-denied', hint: checkRights },
  InvalidAccessKeyId: { code: 'access-denied', hint: checkKeys },
  SignatureDoesNotMatch: { code: 'access-denied', hint: checkKeys },
  RequestTimeTooSkewed: { code: 'access-denied', hint: checkClock },
  ExpiredToken: { code: 'access-denied', hint: checkToken },
  InvalidToken: { code: 'access-denied', hint: checkToken },
  CredentialsProviderError: {
    code: 'access-denied',
    hint: 'no credentials were found: give the target some',
  },
  PermanentRedirect: { code: 'failed', hint: checkRegion },
  AuthorizationHeaderMalformed: { code: 'failed', hint: checkRegion },
  XMinioStorageFull: { code: 'no-space', hint: 'make room on the server' },
  XMinioAdminBucketQuotaExceeded: { code: 'no-space', hint: 'raise the quota of the bucket' },
  QuotaExceeded: { code: 'no-space', hint: 'raise the quota of the bucket' },
}

const byStatus: Record<number, { code: ObjectStoreErrorCode; hint: string }> = {
  301: { code: 'failed', hint: checkRegion },
  401: { code: 'access-denied', hint: checkKeys },
  403: { code: 'access-denied', hint: checkRights },
  507: { code: 'no-space', hint: 'make room on the server' },
}

const isTls = (errno: string | undefined): boolean =>
  errno !== undefined && /CERT|SIGNED|TLS|SSL|EPROTO|VERIFY|^HPE_/.test(errno)

const unreachable = (failure: S3Failure): { code: ObjectStoreErrorCode; hint: string } | undefined => {
  if (isTls(failure.errno)) {
    return {
      code: 'unreachable',
      hint: 'check http:// or https:// in AWS_ENDPOINTS, and that AWS_CERT has the CA of the server',
    }
  }
  if (failure.name === 'ConditionalRequestConflict' || !isTransient(failure)) return undefined
  return {
    code: 'unreachable',
    hint: 'check AWS_ENDPOINTS, the network, the proxy, and that the server is up',
  }
}

export interface FailedRequest {
  what: string
  /** The endpoint. */
  where: string
  need?: { action: string; resource: string } | undefined
}

/** HEAD's answer has no body to say which 403 it is. */
export const isDenied = ({ name, status }: S3Failure): boolean =>
  name === 'AccessDenied' || (status === 403 && !known[name])

const deniedHint = (
  { action, resource }: NonNullable<FailedRequest['need']>,
  { name, message }: S3Failure,
) => {
  const who = whoIn(message) ?? 'the role or user that the credentials are of'
  const right = `allow ${action} on ${resource} in the policy of ${who}, and see that no policy of the bucket denies it`
  return name === 'AccessDenied' ? right : `${checkKeys}; ${right}`
}

export const s3Error = ({ what, where, need }: FailedRequest, failure: S3Failure): ObjectStoreError => {
  const denied = need && isDenied(failure) ? need : undefined
  const found = known[failure.name] ?? unreachable(failure) ?? byStatus[failure.status ?? 0]
  const mayNot = denied ? `may not ${denied.action} on ${denied.resource}: ` : ''
  const message = `${what}: ${mayNot}${where} said ${failure.name}: ${failure.message}`
  if (!found) return new ObjectStoreError('failed', message, { cause: failure })
  const hint = denied ? deniedHint(denied, failure) : found.hint
  return new ObjectStoreError(found.code, message, { hint, cause: failure })
}

const expiredNames = new Set(['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired'])

/** To a HEAD it is a 400 without a word. */
export const mayHaveExpired = ({ name, status }: S3Failure): boolean =>
  expiredNames.has(name) || (status === 400 && !known[name] && /^(?:Unknown|BadRequest|400)/.test(name))

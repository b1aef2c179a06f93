/**
 * @module sts-errors: why a role was not assumed, in words that say what to do.
 *
 * Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html#API_AssumeRole_Errors,
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_roles.html
 */
import { isTransient, S3Failure } from '#lib/object-store/s3-errors.ts'
import { TargetError } from './target-error.ts'

export interface Asked {
  /** Undefined: the store's own STS was asked, which knows no roles. */
  roleArn: string | undefined
  hasExternalId: boolean
  /** Of the STS, for people. */
  where: string
  /** The role is the installation's, and no secret has keys for it. Left out: a target's. */
  isOwn?: boolean
}

/** `arn:aws:sts::1:assumed-role/name/session` is a session of the role that a trust policy names. */
const principalIn = (message: string): string | undefined => {
  const arn = /User: (arn:\S+) is not authorized/.exec(message)?.[1]
  const role = /^arn:([\w-]+):sts::(\d+):assumed-role\/([^/]+)\//.exec(arn ?? '')
  return role ? `arn:${role[1]}:iam::${role[2]}:role/${role[3]}` : arn
}

/** With a place-holder for the external id, which is of the secret. */
const trustStatement = (principal: string, hasExternalId: boolean): string =>
  JSON.stringify({
    Effect: 'Allow',
    Principal: { AWS: principal },
    Action: 'sts:AssumeRole',
    ...(hasExternalId && { Condition: { StringEquals: { 'sts:ExternalId': '<AWS_EXTERNAL_ID>' } } }),
  })

const ofTheSecret = (hasExternalId: boolean): string[] => [
  hasExternalId
    ? 'see that its sts:ExternalId is AWS_EXTERNAL_ID of the secret'
    : 'if it wants an sts:ExternalId, put it into the secret as AWS_EXTERNAL_ID',
  'in another account, who asks needs a policy that allows sts:AssumeRole on the role as well',
]

const deniedRole = (roleArn: string, { hasExternalId, isOwn }: Asked, failure: S3Failure): TargetError => {
  const principal = principalIn(failure.message)
  const hints = [
    'see that there is such a role',
    `add to the trust policy of the role: ${trustStatement(principal ?? '<ARN of who asks>', hasExternalId)}`,
    ...(isOwn
      ? ['see that the policies of who asks allow sts:AssumeRole on it']
      : ofTheSecret(hasExternalId)),
  ]
  return new TargetError(
    'role-refused',
    `role ${roleArn} may not be assumed by ${principal ?? 'the credentials of the control plane'}: ${failure.message}`,
    { hint: hints.join('; '), cause: failure },
  )
}

/** An answer that is none of an STS has no name. */
const saidBy = ({ name, status, message }: S3Failure): string =>
  name === 'Unknown' && status !== undefined ? `HTTP status ${status}: ${message}` : `${name}: ${message}`

const deniedByStore = ({ where }: Asked, failure: S3Failure): TargetError =>
  new TargetError('role-refused', `${where} gives no sessions: ${saidBy(failure)}`, {
    hint: 'check the keys of the secret, and that they are a user’s own: the store gives none to those of a service account or a session',
    cause: failure,
  })

const refusals: Record<string, string> = {
  ExpiredToken: 'the credentials that are to assume it have expired: get new ones',
  ExpiredTokenException: 'the credentials that are to assume it have expired: get new ones',
  RegionDisabledException:
    'activate STS in that region: IAM console, account settings, security token service',
}
const refusalsOfSecret: Record<string, string> = {
  InvalidClientTokenId: 'check AWS_ACCESS_KEY_ID of the secret: there is no such key any more',
  UnrecognizedClientException: 'check AWS_ACCESS_KEY_ID of the secret: there is no such key any more',
  SignatureDoesNotMatch: 'check AWS_SECRET_ACCESS_KEY of the secret',
  CredentialsProviderError:
    'nothing is there to assume it with: put AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY into the secret, or run where there is a role',
}

const hintOf = (name: string, { isOwn }: Asked): string | undefined =>
  refusals[name] ?? (isOwn ? undefined : refusalsOfSecret[name])

const throttles = /throttl|TooManyRequests|RequestLimitExceeded|SlowDown/i
/** Their names differ by server; some have none. */
const clocks =
  /RequestTimeTooSkewed|RequestExpired|Signature expired|Signature not yet current|time is too large/i

const waits = ({ where }: Asked, failure: S3Failure): TargetError | undefined => {
  const said = saidBy(failure)
  const unavailable = (hint: string) =>
    new TargetError('sts-unavailable', `no session of ${where}: ${said}`, { hint, cause: failure })
  if (clocks.test(said))
    return unavailable(`the clocks of this machine and of ${where} differ: set both by NTP`)
  if (throttles.test(said))
    return unavailable(
      'too many sessions are asked for in this account and region (600 a second): it is tried again',
    )
  // Of our own deadline.
  const isLate = failure.name === 'AbortError'
  return isLate || isTransient(failure)
    ? unavailable('see that the network and the proxy let this machine reach it: it is tried again')
    : undefined
}

/** Of what the SDK threw; it must not be shown as it is, having the signed request in it. */
export const stsError = (asked: Asked, error: unknown): TargetError => {
  const failure = new S3Failure(error)
  const wait = waits(asked, failure)
  if (wait) return wait
  const { roleArn, where } = asked
  const hint = hintOf(failure.name, asked)
  if (roleArn !== undefined && failure.name === 'AccessDenied') return deniedRole(roleArn, asked, failure)
  if (roleArn === undefined && hint === undefined) return deniedByStore(asked, failure)
  const who = roleArn === undefined ? where : `role ${roleArn}`
  const check = asked.isOwn
    ? 'check the role, and the credentials that the control plane itself has: those of a stack its template makes'
    : 'check AWS_IAM_ROLE_ARN, and the region and AWS_ENDPOINTS of the target'
  return new TargetError('role-refused', `${who} gives no session: ${saidBy(failure)}`, {
    hint: hint ?? check,
    cause: failure,
  })
}

/** Packed, a policy has a limit of its own: its text may be short enough. */
export const isPolicyTooLarge = (error: unknown): boolean =>
  error instanceof Error && error.name.startsWith('PackedPolicyTooLarge')

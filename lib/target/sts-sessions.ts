/**
 * @module sts-sessions: credentials for one operation: a session of a role, or of the keys at a store that has an STS, narrowed by a
 * policy, and over within the hour.
 *
 * A session that is made by another session's credentials, as a function's are, lasts at most an hour; a longer one is an error
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining).
 */
import { createHash } from 'node:crypto'
import { AssumeRoleCommand, STSClient, type Credentials, type STSClientConfig } from '@aws-sdk/client-sts'
import { requestHandler } from '#lib/object-store/s3-client.ts'
import { foreignEndpoint } from './aws-endpoint.ts'
import { s3Credentials } from './s3-credentials.ts'
import { sessionPolicies, policyTooLarge, placeOf, type Reach } from './session-policy.ts'
import { isPolicyTooLarge, stsError, type Asked } from './sts-errors.ts'
import { TargetError } from './target-error.ts'
import type { TargetSettings } from './target-settings.ts'
import type { S3Target } from './target-url.ts'

export interface Session {
  accessKeyId: string
  secretAccessKey: string
  sessionToken: string
  expiration: Date
}

export interface SessionRequest {
  target: S3Target
  settings: TargetSettings
  /** Undefined: a session of the keys themselves, of the STS of the store. */
  roleArn: string | undefined
  reach: Reach
  /** Shows in CloudTrail. */
  name: string
}

/** @throws TargetError `policy-too-large`, `role-refused`, `sts-unavailable`. */
export type StsSessions = (request: SessionRequest) => Promise<Session>

export interface StsSessionsDeps {
  /** Default: the SDK's, with proxy and CA of the settings. */
  client?: ((config: STSClientConfig) => STSClient) | undefined
}

const durationSeconds = 3600
/** With the SDK's waits, of a second at most in its standard mode: throttled for a moment is not told of. */
const attempts = 4
/** An agent that asks waits 30 s for its answer. */
const deadlineMs = 20_000
/** A store's own STS knows no roles, and wants one named. */
const noRole = 'arn:aws:iam::000000000000:role/drover'

const maxNameChars = 64

/** @returns what a RoleSessionName may be; names that are cut stay different. */
export const sessionNameOf = (name: string): string => {
  const allowed = name.replace(/[^\w+=,.@-]/g, '-').padEnd(2, '-')
  if (allowed.length <= maxNameChars) return allowed
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 12)
  return `${allowed.slice(0, maxNameChars - hash.length - 1)}-${hash}`
}

const silent = () => {}
const logger = { trace: silent, debug: silent, info: silent, warn: silent, error: silent }

/** Without an endpoint the SDK chooses the STS of the target's region and partition, or that of AWS_ENDPOINT_URL_STS. */
const configOf = ({ target, settings }: SessionRequest): STSClientConfig => {
  const { caPem, httpProxy, httpsProxy, noProxy } = settings
  const endpoint = foreignEndpoint(settings.endpoint)
  return {
    region: target.region,
    credentials: s3Credentials(settings),
    maxAttempts: attempts,
    requestHandler: requestHandler({ caPem, proxy: { httpProxy, httpsProxy, noProxy } }),
    logger,
    ...(endpoint !== undefined && { endpoint }),
  }
}

const askedOf = ({ target, settings, roleArn }: SessionRequest): Asked => {
  const endpoint = foreignEndpoint(settings.endpoint)
  const where = endpoint === undefined ? `the STS of ${target.region}` : `the STS at ${endpoint}`
  // Of a target without a secret it is that of the installation.
  const isOwn = roleArn !== undefined && settings.roleArn === undefined
  return { roleArn, hasExternalId: settings.externalId !== undefined, where, isOwn }
}

/** Of STS's answer; `undefined`: something of it is missing. */
const sessionIn = (given: Partial<Credentials> = {}): Session | undefined => {
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = given
  return AccessKeyId && SecretAccessKey && SessionToken && Expiration
    ? {
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        sessionToken: SessionToken,
        expiration: Expiration,
      }
    : undefined
}

export interface RoleSession {
  roleArn: string
  /** Shows in CloudTrail. */
  name: string
  policy: string
  externalId?: string | undefined
}

/** `undefined`: STS answered, without all of a session. @throws what the SDK throws. */
export const assumeRole = async (
  client: Pick<STSClient, 'send'>,
  { roleArn, name, policy, externalId }: RoleSession,
): Promise<Session | undefined> => {
  const { Credentials } = await client.send(
    new AssumeRoleCommand({
      RoleArn: roleArn,
      RoleSessionName: sessionNameOf(name),
      DurationSeconds: durationSeconds,
      Policy: policy,
      ...(externalId !== undefined && { ExternalId: externalId }),
    }),
    { abortSignal: AbortSignal.timeout(deadlineMs) },
  )
  return sessionIn(Credentials)
}

const ask = async (client: STSClient, request: SessionRequest, policy: string): Promise<Session> => {
  const { settings, roleArn = noRole, name } = request
  const session = await assumeRole(client, { roleArn, name, policy, externalId: settings.externalId })
  if (session) return session
  throw new TargetError('role-refused', `${askedOf(request).where} answered without credentials`, {
    hint: 'check AWS_ENDPOINTS: that there is an STS',
  })
}

/** STS packs a policy: one whose text has room may be too large for it all the same, and a shorter one not. */
const askWithPolicies = async (client: STSClient, request: SessionRequest): Promise<Session> => {
  const { target, settings, reach } = request
  const place = placeOf(target, foreignEndpoint(settings.endpoint) === undefined)
  for (const policy of sessionPolicies(place, reach)) {
    try {
      return await ask(client, request, policy)
    } catch (error) {
      if (!isPolicyTooLarge(error)) throw error
    }
  }
  throw policyTooLarge(place, reach)
}

export const stsSessions =
  ({ client: makeClient = (config) => new STSClient(config) }: StsSessionsDeps = {}): StsSessions =>
  async (request) => {
    const client = makeClient(configOf(request))
    try {
      return await askWithPolicies(client, request)
    } catch (error) {
      if (error instanceof TargetError) throw error
      throw stsError(askedOf(request), error)
    } finally {
      client.destroy()
    }
  }

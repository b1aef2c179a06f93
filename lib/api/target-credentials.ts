/**
 * @module target-credentials: what the control plane knows of how to reach a target, and sessions for one operation on it.
 *
 * Of the keys of a store that is not AWS's it is found out whether the store's STS narrows them. What was found is kept with the
 * target. A store that once gave sessions is believed to have only been away when it gives none: its keys are never handed out
 * from then on.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Catalog } from '#lib/catalog/catalog.ts'
import type { Target, TargetCredentials } from '#lib/catalog/entities.ts'
import { narrowingOf, type Narrowing } from '#lib/target/narrowing.ts'
import type { SecretStore } from '#lib/target/secret-store.ts'
import type { Reach } from '#lib/target/session-policy.ts'
import type { Session, StsSessions } from '#lib/target/sts-sessions.ts'
import { TargetError } from '#lib/target/target-error.ts'
import { readTargetSettings, type SettingsRecord, type TargetSettings } from '#lib/target/target-settings.ts'
import { parseTargetUrl, type Target as TargetUrl } from '#lib/target/target-url.ts'
import { indexReach } from './operation-reach.ts'

export interface TargetCredentialsDeps {
  catalog: Pick<Catalog, 'targets' | 'operations'>
  secrets: Pick<SecretStore, 'get'>
  sessions: StsSessions
  clock: Pick<Clock, 'now' | 'sleep'>
  log: Log
}

export interface TargetCredentialsSettings {
  /** Of targets that name no secret: what the control plane itself has. */
  env: SettingsRecord
  /** A role for targets that name no secret. */
  defaultRoleArn?: string | undefined
}

/** A target with its secret. */
export interface KnownTarget {
  row: Target
  url: TargetUrl
  record: SettingsRecord
  settings: TargetSettings
  narrowing: Narrowing
}

export interface SessionFor {
  reach: Reach
  /** Shows in CloudTrail. */
  name: string
  /** Finds out anew what was found out before. */
  isLook: boolean
}

/** @throws TargetError `no-secret`, `invalid-settings`, `invalid-url`. */
export const knownTarget = async (
  { secrets }: Pick<TargetCredentialsDeps, 'secrets'>,
  { env, defaultRoleArn }: TargetCredentialsSettings,
  row: Target,
): Promise<KnownTarget> => {
  const { name, credential } = row
  const record = credential === null ? env : await secrets.get(credential)
  if (!record)
    throw new TargetError(
      'no-secret',
      `backup target ${name} needs the secret ${credential}, which is not there`,
      {
        hint: `make it: drover target secret put ${credential}`,
      },
    )
  const url = parseTargetUrl(row.url)
  const settings = readTargetSettings(url.kind === 's3' ? record : {})
  const hasSecret = credential !== null
  const narrowing = narrowingOf({ target: url, settings, hasSecret, defaultRoleArn })
  return { row, url, record, settings, narrowing }
}

interface Tried {
  session: Session | undefined
  found: TargetCredentials
}

const requestOf = (known: KnownTarget, roleArn: string | undefined, { reach, name }: SessionFor) => {
  const { url: target, settings } = known
  if (target.kind === 's3') return { target, settings, roleArn, reach, name }
  throw new Error(`${known.row.name} is no S3 target`)
}

/** What is no STS may answer with a whole page. */
const mostReasonChars = 500

const tryStore = async (
  { sessions }: Pick<TargetCredentialsDeps, 'sessions'>,
  known: KnownTarget,
  endpoint: string,
  wanted: SessionFor,
): Promise<Tried> => {
  const { credentials } = known.row
  const before = credentials?.endpoint === endpoint ? credentials : undefined
  if (before?.kind === 'shared' && !wanted.isLook) return { session: undefined, found: before }
  try {
    const session = await sessions(requestOf(known, undefined, wanted))
    const reason = `each operation gets a session of the STS at ${endpoint}`
    return { session, found: { kind: 'per-operation', reason, endpoint } }
  } catch (error) {
    const isRefused = error instanceof TargetError && error.code === 'role-refused'
    if (!isRefused || before?.kind === 'per-operation') throw error
    return {
      session: undefined,
      found: { kind: 'shared', reason: error.message.slice(0, mostReasonChars), endpoint },
    }
  }
}

const trySession = async (
  deps: Pick<TargetCredentialsDeps, 'sessions'>,
  known: KnownTarget,
  wanted: SessionFor,
): Promise<Tried> => {
  const { narrowing } = known
  if (narrowing.kind === 'store') return tryStore(deps, known, narrowing.endpoint, wanted)
  if (narrowing.kind !== 'role') return { session: undefined, found: { ...narrowing, endpoint: null } }
  const { roleArn } = narrowing
  const session = await deps.sessions(requestOf(known, roleArn, wanted))
  const reason = `each operation gets a session of ${roleArn}`
  return { session, found: { kind: 'per-operation', reason, endpoint: null } }
}

/** Unless its URL or its secret is another meanwhile. */
const keep = async (
  { catalog, log }: Pick<TargetCredentialsDeps, 'catalog' | 'log'>,
  { row: { name, url, credential, credentials: before } }: KnownTarget,
  credentials: TargetCredentials,
): Promise<void> => {
  if (JSON.stringify(before) === JSON.stringify(credentials)) return
  await catalog.targets.change(catalogKeys.target(name), (there) =>
    there?.url === url && there.credential === credential ? { ...there, credentials } : undefined,
  )
  log.info('credentials of a target found out', { target: name, ...credentials })
}

/** Undefined: its keys, if it has any, are not narrowed. @throws TargetError. */
export const sessionFor = async (
  deps: Pick<TargetCredentialsDeps, 'catalog' | 'sessions' | 'log'>,
  known: KnownTarget,
  wanted: SessionFor,
): Promise<Session | undefined> => {
  const { session, found } = await trySession(deps, known, wanted)
  await keep(deps, known, found)
  return session
}

/** For who adds a target, which is in no catalog yet. */
export const targetCredentials =
  (deps: Pick<TargetCredentialsDeps, 'secrets' | 'sessions'>, settings: TargetCredentialsSettings) =>
  async (row: Target): Promise<TargetCredentials | undefined> => {
    const known = await knownTarget(deps, settings, row)
    const wanted = { reach: indexReach, name: `add.${row.name}`, isLook: true }
    try {
      return (await trySession(deps, known, wanted)).found
    } catch (error) {
      if (error instanceof TargetError && error.code === 'sts-unavailable') return undefined
      throw error
    }
  }

/**
 * @module target-access: an operation on a backup target gets the target's credentials with the permission to begin, and for itself
 * alone; and asks for its permission once more before they end. They are in memory, and nowhere else.
 */
import type { TargetAccess } from '#lib/api/node-messages.ts'
import { RequestError } from '#lib/api/requests.ts'
import { CodedError } from '#lib/base/errors.ts'
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import type { PerformCommand } from '#lib/operation/command.ts'
import type { OpenTarget } from '#lib/perform/store-performers.ts'
import type { Permission } from '#lib/perform/worker.ts'
import {
  renewedCredentials,
  type EndingCredentials,
  type RenewedCredentials,
} from '#lib/target/renewed-credentials.ts'
import { formatTargetUrl, parseTargetUrl } from '#lib/target/target-url.ts'
import type { NodeApi } from './node-api.ts'

export interface TargetAccesses {
  /** @throws RequestError when there is no answer, or may be another one later. */
  mayBegin: (command: Pick<PerformCommand, 'operationId'>) => Promise<Permission>
  /** Once, after `mayBegin` let the operation go, or take back what it had begun. @throws TargetError. */
  openTarget: (operationId: string) => Promise<OpenTarget>
}

export interface TargetAccessesDeps {
  api: Pick<NodeApi, 'begin' | 'serverNow'>
  clock: Clock
  log: Log
  /** Of the process: its proxies are the way to targets that name none. */
  env?: Readonly<Record<string, string | undefined>> | undefined
}

/** It is wanted no more, or its credentials are not those of a session any more. */
class AccessLost extends CodedError<'access-lost'> {}

/** 409: the control plane has the operation, and what it needs cannot be had until somebody does something about it. */
const refusalOf = (error: unknown): Permission => {
  if (!(error instanceof RequestError) || error.status !== 409) throw error
  const { code, message, hint } = error
  return { kind: 'refused', failure: { code, message, ...(hint !== undefined && { hint }) } }
}

const mayComeRight = (error: unknown): boolean =>
  error instanceof RequestError && (error.status === undefined || error.status >= 500)

/** How long they last is the server's word; when that is over, this machine's clock says. */
const credentialsIn = (
  { settings, expiresAt }: TargetAccess,
  { api, clock }: TargetAccessesDeps,
): EndingCredentials | undefined => {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = settings
  if (expiresAt === null || !AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) return undefined
  const leftMs = Date.parse(expiresAt) - api.serverNow().getTime()
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    expiration: new Date(clock.now().getTime() + leftMs),
    ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
  }
}

const askAgain = (deps: TargetAccessesDeps, operationId: string) => async (): Promise<EndingCredentials> => {
  const answer = await deps.api.begin(operationId)
  const access = answer.kind === 'not-current' ? null : answer.access
  const renewed = access && credentialsIn(access, deps)
  if (renewed) {
    deps.log.info('credentials renewed', { operation: operationId, expiresAt: access?.expiresAt })
    return renewed
  }
  const why = answer.kind === 'not-current' ? answer.reason : 'its target gives no sessions any more'
  throw new AccessLost('access-lost', `operation ${operationId} has no credentials any more: ${why}`, {
    hint: 'see: drover operation show, drover target show',
  })
}

const renewed = (
  deps: TargetAccessesDeps,
  operationId: string,
  access: TargetAccess,
): RenewedCredentials | undefined => {
  const given = credentialsIn(access, deps)
  return given && renewedCredentials({ ...deps, mayComeRight, ask: askAgain(deps, operationId) }, given)
}

const withOwnProxies = (
  settings: TargetAccess['settings'],
  env: NonNullable<TargetAccessesDeps['env']>,
): TargetAccess['settings'] => {
  if (settings['HTTP_PROXY'] || settings['HTTPS_PROXY']) return settings
  const own = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].map((name) => [
    name,
    env[name] ?? env[name.toLowerCase()],
  ])
  return { ...Object.fromEntries(own), ...settings }
}

const openWith = async (
  deps: TargetAccessesDeps,
  operationId: string,
  access: TargetAccess,
): Promise<OpenTarget> => {
  const target = parseTargetUrl(access.url)
  // The AWS SDK takes as long to load, and as much memory, as all else together: a node may never need it.
  const { openTarget } = await import('#lib/target/open-target.ts')
  const credentials = renewed(deps, operationId, access)
  return {
    store: openTarget(target, {
      env: withOwnProxies(access.settings, deps.env ?? {}),
      clock: deps.clock,
      credentials,
    }),
    url: formatTargetUrl(target),
  }
}

export const targetAccesses = (deps: TargetAccessesDeps): TargetAccesses => {
  const given = new Map<string, TargetAccess>()
  return {
    mayBegin: async ({ operationId }) => {
      const answer = await deps.api.begin(operationId).catch(refusalOf)
      if (answer.kind === 'not-current' || answer.kind === 'refused') return answer
      if ('access' in answer && answer.access) given.set(operationId, answer.access)
      return { kind: answer.kind }
    },
    openTarget: async (operationId) => {
      const access = given.get(operationId)
      given.delete(operationId)
      if (access) return openWith(deps, operationId, access)
      throw new Error(`operation ${operationId} was not told how to reach its target`)
    },
  }
}

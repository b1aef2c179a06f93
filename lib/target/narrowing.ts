/**
 * @module narrowing: whether the credentials of a target can be narrowed to one operation, and by what: decided from its settings alone.
 */
import { foreignEndpoint } from './aws-endpoint.ts'
import type { TargetSettings } from './target-settings.ts'
import type { Target } from './target-url.ts'

export type Narrowing =
  /** By assuming a role. */
  | { kind: 'role'; roleArn: string }
  /** By the STS of the store itself, if it has one: who asks it finds out. */
  | { kind: 'store'; endpoint: string }
  /** Not at all: every operation gets the keys themselves. */
  | { kind: 'shared'; reason: string }
  /** None are handed out. */
  | { kind: 'none'; reason: string }

export interface NarrowingOf {
  target: Target
  settings: TargetSettings
  hasSecret: boolean
  /** Of targets without a secret. */
  defaultRoleArn: string | undefined
}

export const narrowingOf = ({ target, settings, hasSecret, defaultRoleArn }: NarrowingOf): Narrowing => {
  if (target.kind !== 's3') return { kind: 'none', reason: 'a folder needs none' }
  const { keys, profile } = settings
  const roleArn = settings.roleArn ?? (hasSecret ? undefined : defaultRoleArn)
  if (roleArn !== undefined) return { kind: 'role', roleArn }
  if (!hasSecret)
    return { kind: 'none', reason: 'it has no secret: each machine uses what it has for itself' }
  if (!keys)
    return {
      kind: 'none',
      reason: `its secret has no keys: each machine uses ${profile === undefined ? 'what it has for itself' : `its own profile ${profile}`}`,
    }
  const endpoint = foreignEndpoint(settings.endpoint)
  if (endpoint !== undefined) return { kind: 'store', endpoint }
  return {
    kind: 'shared',
    reason:
      "on AWS a user's keys are narrowed by a role only: put AWS_IAM_ROLE_ARN into the secret, and the keys assume it",
  }
}

/**
 * @module new-token: access tokens: 256 random bits, of which only the hash is kept.
 */
import { randomBytes } from 'node:crypto'
import type { AccessToken } from '#lib/catalog/entities.ts'
import type { ApiDeps } from './api-deps.ts'
import { tokenHash } from './routing.ts'
import { tokenView, type NewTokenView } from './views.ts'

export interface NewTokenSettings {
  name: string
  role: AccessToken['role']
  node?: string | undefined
  cluster?: string | undefined
  /** Left out: it does not expire. */
  expiresInSeconds?: number | undefined
}

/** By which it is told from other secrets, when one is found where it should not be. */
const tokenPrefix = 'drover_'

export const newToken = async (
  { catalog, clock }: Pick<ApiDeps, 'clock'> & { catalog: Pick<ApiDeps['catalog'], 'tokens'> },
  { name, role, node, cluster, expiresInSeconds }: NewTokenSettings,
): Promise<NewTokenView> => {
  const token = tokenPrefix + randomBytes(32).toString('base64url')
  const now = clock.now()
  const kept: AccessToken = {
    hash: tokenHash(token),
    name,
    role,
    node: node ?? null,
    cluster: cluster ?? null,
    createdAt: now.toISOString(),
    expiresAt:
      expiresInSeconds === undefined ? null : new Date(now.getTime() + expiresInSeconds * 1000).toISOString(),
  }
  await catalog.tokens.create(kept)
  return { ...tokenView(kept), token }
}

/**
 * @module principal: who asks, and what each role may.
 */
import type { AccessToken } from '#lib/catalog/entities.ts'

export type Role = AccessToken['role']

/** Who a token was made for. */
export interface Principal {
  name: string
  role: Role
  /** Of a node's token. */
  node: string | null
  /** Of a token to join with: the cluster that the node will be of. */
  cluster: string | null
}

/** Each may what those before it may. `node` and `join` are apart: a node's token opens only what nodes need. */
const ladder: readonly Role[] = ['viewer', 'operator', 'admin']

export const mayAct = (principal: Pick<Principal, 'role'>, needed: Role): boolean => {
  if (!ladder.includes(needed)) return principal.role === needed
  return ladder.includes(principal.role) && ladder.indexOf(principal.role) >= ladder.indexOf(needed)
}

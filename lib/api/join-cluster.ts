/**
 * @module join-cluster: how a node comes into being: a token that is good for one node becomes the node and its own token.
 */
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Node } from '#lib/catalog/entities.ts'
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import { ApiError } from './api-error.ts'
import type { ApiDeps } from './api-deps.ts'
import { newToken } from './new-token.ts'
import type { JoinAnswer } from './node-messages.ts'
import type { Principal } from './principal.ts'
import { tokenHash } from './routing.ts'

export type JoinClusterDeps = Pick<ApiDeps, 'catalog' | 'clock' | 'makeQueue'>

export interface JoinCluster {
  principal: Pick<Principal, 'cluster'>
  /** The one that it came with: used up. */
  token: string
  node: string
}

const nameTaken = (node: string): ApiError =>
  new ApiError('exists', `there is a node ${node} already`, {
    hint: `join under another name; or remove that one first: drover node delete ${node}`,
    fields: [{ field: 'node', message: 'is taken' }],
  })

/** What a join token was made for, if the node can have it. @throws ApiError. */
const checkJoin = async (
  { catalog }: JoinClusterDeps,
  { cluster }: Pick<Principal, 'cluster'>,
  node: string,
): Promise<string> => {
  if (node === controlPlaneNode)
    throw new ApiError('invalid-request', `no node can be called ${node}`, {
      fields: [{ field: 'node', message: 'is what the control plane itself is called' }],
      hint: 'choose another name',
    })
  if (cluster === null || !(await catalog.clusters.get(catalogKeys.cluster(cluster))))
    throw new ApiError('conflict', `there is no cluster ${cluster ?? ''} any more`, {
      hint: 'see: drover cluster list',
    })
  if (await catalog.nodes.get(catalogKeys.node(node))) throw nameTaken(node)
  return cluster
}

/** One that was not heard from yet. */
export const newNode = (name: string, cluster: string, joinedAt: string): Node => ({
  name,
  cluster,
  joinedAt,
  heardAt: null,
  version: null,
  pool: null,
  inventory: null,
})

/** Cut off in its midst it leaves at most a node that nobody can be: removed, another token makes it again. @throws ApiError. */
export const joinCluster = async (
  deps: JoinClusterDeps,
  { principal, token, node }: JoinCluster,
): Promise<JoinAnswer> => {
  const { catalog, clock } = deps
  const cluster = await checkJoin(deps, principal, node)
  // Before the token is used up: the name of a queue that was just removed is blocked for a minute.
  await deps.makeQueue?.(node)
  // Of two that come with the same token at once, one gets past here.
  if (!(await catalog.tokens.remove(catalogKeys.token(tokenHash(token)))))
    throw new ApiError('forbidden', 'the token to join with was used meanwhile', {
      hint: 'each is good for one node; make another with: drover node token',
    })
  if (!(await catalog.nodes.create(newNode(node, cluster, clock.now().toISOString())))) throw nameTaken(node)
  const made = await newToken(deps, { name: `node ${node}`, role: 'node', node, cluster })
  return { node, cluster, token: made.token }
}

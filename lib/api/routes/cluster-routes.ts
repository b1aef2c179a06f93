/**
 * @module cluster-routes: clusters, and the nodes in them.
 */
import * as z from 'zod'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { Cluster, Node } from '#lib/catalog/entities.ts'
import { ApiError } from '../api-error.ts'
import type { ApiDeps } from '../api-deps.ts'
import { NewCluster, NewJoinToken, ObjectName } from '../bodies.ts'
import { notFound } from '../found.ts'
import { newToken } from '../new-token.ts'
import { apiRouter, jsonBody, jsonResponse, PageQuery, pageOf, routeFor, type ApiApp } from '../routing.ts'
import { NewTokenView } from '../views.ts'

const clusterParams = z.object({ cluster: ObjectName })
const nodeParams = z.object({ node: ObjectName })
const clusters = catalogKeys.cluster('x').partition
const nodes = catalogKeys.node('x').partition

const isEmpty = async ({ catalog }: ApiDeps, cluster: string): Promise<boolean> => {
  const { partition } = catalogKeys.nodeOfCluster(cluster, 'x')
  return (await catalog.nodes.list({ index: 'first', partition, limit: 1 })).values.length === 0
}

const holdsVolumes = async ({ catalog }: ApiDeps, node: string): Promise<boolean> => {
  const { partition } = catalogKeys.volumeOfNode(node, 'x', 'x')
  return (await catalog.volumes.list({ index: 'first', partition, limit: 1 })).values.length > 0
}

const removeTokensOf = async ({ catalog }: ApiDeps, node: string): Promise<void> => {
  const { partition } = catalogKeys.token('x')
  for await (const { hash, node: of } of catalog.tokens.all({ partition }))
    if (of === node) await catalog.tokens.remove(catalogKeys.token(hash))
}

const addClusters = (deps: ApiDeps, app: ApiApp): void => {
  const { catalog, clock } = deps
  app.openapi(
    routeFor('viewer', '/v1/clusters', {
      method: 'get',
      summary: 'List clusters',
      request: { query: PageQuery },
      responses: { 200: jsonResponse('Clusters', pageOf(Cluster)) },
    }),
    async (context) => {
      const { limit, cursor } = context.req.valid('query')
      const { values, ...next } = await catalog.clusters.list({ partition: clusters, limit, after: cursor })
      return context.json({ items: values, ...next }, 200)
    },
  )
  app.openapi(
    routeFor('admin', '/v1/clusters', {
      method: 'post',
      summary: 'Make a cluster',
      request: { body: jsonBody(NewCluster) },
      responses: { 201: jsonResponse('The cluster', Cluster) },
    }),
    async (context) => {
      const { name } = context.req.valid('json')
      const cluster = { name, createdAt: clock.now().toISOString() }
      if (await catalog.clusters.create(cluster)) return context.json(cluster, 201)
      throw new ApiError('exists', `there is a cluster ${name} already`, { hint: 'take another name' })
    },
  )
  app.openapi(
    routeFor('viewer', '/v1/clusters/{cluster}', {
      method: 'get',
      summary: 'Show a cluster',
      request: { params: clusterParams },
      responses: { 200: jsonResponse('The cluster', Cluster) },
    }),
    async (context) => {
      const { cluster: name } = context.req.valid('param')
      const cluster = await catalog.clusters.get(catalogKeys.cluster(name))
      if (!cluster) throw notFound(`cluster ${name}`, 'see: drover cluster list')
      return context.json(cluster, 200)
    },
  )
  app.openapi(
    routeFor('admin', '/v1/clusters/{cluster}', {
      method: 'delete',
      summary: 'Delete a cluster without nodes',
      request: { params: clusterParams },
      responses: { 204: { description: 'It is gone' } },
    }),
    async (context) => {
      const { cluster } = context.req.valid('param')
      if (!(await isEmpty(deps, cluster)))
        throw new ApiError('conflict', `cluster ${cluster} has nodes`, {
          hint: `remove them first: drover node list --cluster ${cluster}`,
        })
      if (await catalog.clusters.remove(catalogKeys.cluster(cluster))) return context.body(null, 204)
      throw notFound(`cluster ${cluster}`, 'see: drover cluster list')
    },
  )
}

const addNodes = (deps: ApiDeps, app: ApiApp): void => {
  const { catalog } = deps
  app.openapi(
    routeFor('viewer', '/v1/nodes', {
      method: 'get',
      summary: 'List nodes',
      request: { query: PageQuery.extend({ cluster: ObjectName.optional() }) },
      responses: { 200: jsonResponse('Nodes', pageOf(Node)) },
    }),
    async (context) => {
      const { limit, cursor, cluster } = context.req.valid('query')
      const found =
        cluster === undefined
          ? await catalog.nodes.list({ partition: nodes, limit, after: cursor })
          : await catalog.nodes.list({
              index: 'first',
              partition: catalogKeys.nodeOfCluster(cluster, 'x').partition,
              limit,
              after: cursor,
            })
      const { values, ...next } = found
      return context.json({ items: values, ...next }, 200)
    },
  )
  app.openapi(
    routeFor('viewer', '/v1/nodes/{node}', {
      method: 'get',
      summary: 'Show a node',
      request: { params: nodeParams },
      responses: { 200: jsonResponse('The node', Node) },
    }),
    async (context) => {
      const { node: name } = context.req.valid('param')
      const node = await catalog.nodes.get(catalogKeys.node(name))
      if (!node) throw notFound(`node ${name}`, 'see: drover node list')
      return context.json(node, 200)
    },
  )
  app.openapi(
    routeFor('admin', '/v1/nodes/{node}', {
      method: 'delete',
      summary: 'Remove a node that holds no volumes: its token is worth nothing from then on',
      request: { params: nodeParams },
      responses: { 204: { description: 'It is gone' } },
    }),
    async (context) => {
      const { node } = context.req.valid('param')
      if (await holdsVolumes(deps, node))
        throw new ApiError('conflict', `node ${node} holds volumes`, {
          hint: 'delete its volumes first: drover volume list',
        })
      if (!(await catalog.nodes.get(catalogKeys.node(node))))
        throw notFound(`node ${node}`, 'see: drover node list')
      // Before the node: while it is there this can be repeated, and no token and no queue are left for another of its name.
      await removeTokensOf(deps, node)
      await deps.removeQueue(node)
      await catalog.nodes.remove(catalogKeys.node(node))
      return context.body(null, 204)
    },
  )
  app.openapi(
    routeFor('admin', '/v1/join-tokens', {
      method: 'post',
      summary: 'Make a token with which one node can join, once',
      request: { body: jsonBody(NewJoinToken) },
      responses: { 201: jsonResponse('The token, shown once', NewTokenView) },
    }),
    async (context) => {
      const { cluster, expiresInSeconds } = context.req.valid('json')
      if (!(await catalog.clusters.get(catalogKeys.cluster(cluster))))
        throw notFound(`cluster ${cluster}`, 'see: drover cluster list')
      const made = await newToken(deps, { name: `join ${cluster}`, role: 'join', cluster, expiresInSeconds })
      return context.json(made, 201)
    },
  )
}

export const clusterRoutes = (deps: ApiDeps): ApiApp => {
  const app = apiRouter()
  addClusters(deps, app)
  addNodes(deps, app)
  return app
}

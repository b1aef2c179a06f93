/**
 * @module operation-routes: what is being done, and what was.
 */
import * as z from 'zod'
import { catalogKeys, sortPrefix } from '#lib/catalog/catalog-keys.ts'
import { cancelOperation } from '#lib/catalog/issue-operation.ts'
import type { Query } from '#lib/catalog/item-store.ts'
import { isEnded, type Operation } from '#lib/operation/operation.ts'
import { ApiError } from '../api-error.ts'
import type { ApiDeps } from '../api-deps.ts'
import { ObjectName, StoreName } from '../bodies.ts'
import { notFound } from '../found.ts'
import { apiRouter, jsonResponse, PageQuery, pageOf, routeFor, type ApiApp } from '../routing.ts'
import { operationView, OperationView } from '../views.ts'

const operationParams = z.object({ operation: z.string().min(1).max(500) })

const OperationsQuery = PageQuery.extend({
  state: z.enum(['open', 'all']).default('all').describe('open: those that have not ended'),
  node: ObjectName.optional().describe('With state=open: only of this node'),
  cluster: ObjectName.optional(),
  volume: StoreName.optional().describe('With cluster: only of this volume'),
})

const queryOf = (wanted: z.infer<typeof OperationsQuery>): Query => {
  const { state, node, cluster, volume, limit, cursor } = wanted
  if (volume !== undefined && cluster !== undefined)
    return {
      index: 'first',
      partition: catalogKeys.operationOfVolume(cluster, volume, 'x').partition,
      order: 'descending',
      limit,
      after: cursor,
    }
  if (state === 'open')
    return {
      index: 'second',
      partition: catalogKeys.openOperation('x', 'x').partition,
      sortPrefix: node === undefined ? undefined : sortPrefix(node),
      limit,
      after: cursor,
    }
  return { partition: catalogKeys.operation('x').partition, order: 'descending', limit, after: cursor }
}

/** What no index tells. A page may be shorter for it, also empty, with others after it. */
const isWanted =
  ({ state, node, cluster, volume }: z.infer<typeof OperationsQuery>) =>
  (operation: Operation): boolean =>
    (state === 'all' || !isEnded(operation)) &&
    (node === undefined || operation.node === node) &&
    (cluster === undefined || operation.cluster === cluster) &&
    (volume === undefined || operation.volume === volume)

const checkQuery = ({ volume, cluster, node, state }: z.infer<typeof OperationsQuery>): void => {
  if (volume !== undefined && cluster === undefined)
    throw new ApiError('invalid-request', 'query: volume needs its cluster', {
      fields: [{ field: 'cluster', message: 'is missing' }],
      hint: 'give both, volume and cluster',
    })
  if (node !== undefined && state !== 'open')
    throw new ApiError('invalid-request', 'query: node needs state=open', {
      fields: [{ field: 'state', message: 'is not open' }],
      hint: 'ended operations are listed by volume, or all together',
    })
}

export const operationRoutes = (deps: ApiDeps): ApiApp => {
  const { catalog } = deps
  const app = apiRouter()
  app.openapi(
    routeFor('viewer', '/v1/operations', {
      method: 'get',
      summary: 'List operations, newest first; with state=open by node, oldest first',
      request: { query: OperationsQuery },
      responses: { 200: jsonResponse('Operations', pageOf(OperationView)) },
    }),
    async (context) => {
      const wanted = context.req.valid('query')
      checkQuery(wanted)
      const { values, ...next } = await catalog.operations.list(queryOf(wanted))
      return context.json({ items: values.filter(isWanted(wanted)).map(operationView), ...next }, 200)
    },
  )
  app.openapi(
    routeFor('viewer', '/v1/operations/{operation}', {
      method: 'get',
      summary: 'Show an operation',
      request: { params: operationParams },
      responses: { 200: jsonResponse('The operation', OperationView) },
    }),
    async (context) => {
      const { operation: id } = context.req.valid('param')
      const operation = await catalog.operations.get(catalogKeys.operation(id))
      if (!operation) throw notFound(`operation ${id}`, 'see: drover operation list')
      return context.json(operationView(operation), 200)
    },
  )
  app.openapi(
    routeFor('operator', '/v1/operations/{operation}/cancel', {
      method: 'post',
      summary: 'Ask for its end; of one that has ended nothing changes',
      request: { params: operationParams },
      responses: { 202: jsonResponse('The operation', OperationView) },
    }),
    async (context) => {
      const { operation: id } = context.req.valid('param')
      const operation = await cancelOperation(deps)(id)
      if (!operation) throw notFound(`operation ${id}`, 'see: drover operation list')
      return context.json(operationView(operation), 202)
    },
  )
  return app
}

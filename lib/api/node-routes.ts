/**
 * @module node-routes: what nodes ask, each for itself alone: its token says which node it is.
 *
 * Commands and reports go over these routes where nodes have no queue service: a command is lent by a long poll, and lent again
 * if it is not settled.
 */
import * as z from 'zod'
import { beginOperation } from '#lib/catalog/begin-operation.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { recordHeartbeat } from '#lib/catalog/record-heartbeat.ts'
import { lendMessages } from '#lib/operation/lend-messages.ts'
import type { MessageLeases } from '#lib/operation/message-leases.ts'
import type { Operation } from '#lib/operation/operation.ts'
import type { SendQueue } from '#lib/operation/queue.ts'
import { Report } from '#lib/operation/report.ts'
import { sendReport } from '#lib/operation/send-report.ts'
import { ApiError } from './api-error.ts'
import type { ApiDeps } from './api-deps.ts'
import { joinCluster } from './join-cluster.ts'
import {
  BeginAnswer,
  Heartbeat,
  JoinAnswer,
  JoinRequest,
  QueueAnswer,
  ReceiveAnswer,
  ReceiveRequest,
  ReportsRequest,
  SettleRequest,
} from './node-messages.ts'
import { isOnTarget } from './operation-reach.ts'
import {
  apiRouter,
  bearerToken,
  faultsOf,
  jsonBody,
  jsonResponse,
  routeFor,
  type ApiApp,
  type ApiContext,
} from './routing.ts'

export type NodeRoutesDeps = Pick<
  ApiDeps,
  'catalog' | 'leasesOf' | 'makeQueue' | 'queueAccess' | 'reports' | 'vend' | 'clock' | 'log'
>

const done = { 204: { description: 'It is taken' } } as const

const removed = (node: string | null): ApiError =>
  new ApiError('forbidden', `node ${node ?? '?'} is not known any more`, {
    hint: 'it was removed; to have it again: drover node join',
  })

/** A token may outlive its node for a moment. @throws ApiError `forbidden`. */
const askingNode = async ({ catalog }: NodeRoutesDeps, context: ApiContext): Promise<string> => {
  const { node } = context.get('principal')
  if (node !== null && (await catalog.nodes.get(catalogKeys.node(node)))) return node
  throw removed(node)
}

const leasesFor = ({ leasesOf }: NodeRoutesDeps, node: string): MessageLeases => {
  if (leasesOf) return leasesOf(node)
  throw new ApiError('not-found', 'this control plane gives no commands over HTTP', {
    hint: 'the agent gets them from the queue service that the control plane uses',
  })
}

const notCurrent = (reason: string): BeginAnswer => ({ kind: 'not-current', reason })

/**
 * Credentials go to who performs the operation, when it begins, and nowhere else; of a cancelled one to who had taken it on, and may
 * have to take something back.
 */
const withAccess = async (
  { catalog, vend }: NodeRoutesDeps,
  operation: Operation | undefined,
  kind: 'go' | 'cancelled',
): Promise<BeginAnswer> => {
  if (!operation || !isOnTarget(operation)) return { kind, access: null }
  if (kind === 'cancelled' && operation.state === 'queued') return { kind, access: null }
  const { target: name } = operation.parameters
  const target = await catalog.targets.get(catalogKeys.target(name))
  if (!target) return notCurrent(`there is no backup target ${name} any more`)
  return { kind, access: await vend(target, operation) }
}

const Reports = z.object({ reports: z.array(Report) })

/** A node tells only of itself. @throws ApiError. */
const readReports = (body: unknown, node: string): Report[] => {
  const read = Reports.safeParse(body)
  if (!read.success)
    throw new ApiError('invalid-request', 'body: a report that cannot be read', {
      fields: faultsOf(read.error),
      hint: 'update the agent, or the control plane',
    })
  const { reports } = read.data
  const fields = reports.flatMap((report, position) =>
    report.node === node ? [] : [{ field: `reports.${position}.node`, message: `is not ${node}` }],
  )
  if (fields.length === 0) return reports
  throw new ApiError('invalid-request', `body: node ${node} reports for another`, {
    fields,
    hint: 'each agent needs a folder of its own, with its journal and its token',
  })
}

/** In order. */
const sendAll = async (queue: SendQueue, reports: readonly Report[]): Promise<void> => {
  for (const report of reports) await sendReport(queue, report)
}

const addJoining = (app: ApiApp, deps: NodeRoutesDeps): void => {
  app.openapi(
    routeFor('join', '/v1/nodes/join', {
      method: 'post',
      summary: 'Become a node, with a token that is good for one',
      request: { body: jsonBody(JoinRequest) },
      responses: { 201: jsonResponse('The node and its own token, shown once', JoinAnswer) },
    }),
    async (context) => {
      const joined = await joinCluster(deps, {
        principal: context.get('principal'),
        token: bearerToken(context) ?? '',
        node: context.req.valid('json').node,
      })
      return context.json(joined, 201, { 'cache-control': 'no-store' })
    },
  )
}

const addLife = (app: ApiApp, deps: NodeRoutesDeps): void => {
  app.openapi(
    routeFor('node', '/v1/node/heartbeat', {
      method: 'post',
      summary: 'Tell how the node is, and what it holds if that changed',
      request: { body: jsonBody(Heartbeat) },
      responses: done,
    }),
    async (context) => {
      const { node } = context.get('principal')
      const there = node !== null && (await recordHeartbeat(deps)(node, context.req.valid('json')))
      if (!there) throw removed(node)
      return context.body(null, 204)
    },
  )
  app.openapi(
    routeFor('node', '/v1/node/operations/{id}/begin', {
      method: 'post',
      summary: 'Ask whether an operation is still wanted, and how to reach its backup target',
      request: { params: z.object({ id: z.string().min(1).max(500) }) },
      responses: { 200: jsonResponse('Whether to begin', BeginAnswer) },
    }),
    async (context) => {
      const node = await askingNode(deps, context)
      const { permission, operation } = await beginOperation(deps)(context.req.valid('param').id, node)
      const { kind } = permission
      const answer = kind === 'not-current' ? permission : await withAccess(deps, operation, kind)
      return context.json(answer, 200, { 'cache-control': 'no-store' })
    },
  )
}

const addMessages = (app: ApiApp, deps: NodeRoutesDeps): void => {
  app.openapi(
    routeFor('node', '/v1/node/queue', {
      method: 'post',
      summary: 'Ask where to get commands; of a queue of its own, credentials that end within the hour',
      responses: { 200: jsonResponse('Where they are', QueueAnswer) },
    }),
    async (context) => {
      const node = await askingNode(deps, context)
      const answer: QueueAnswer = (await deps.queueAccess?.(node)) ?? { kind: 'http' }
      return context.json(answer, 200, { 'cache-control': 'no-store' })
    },
  )
  app.openapi(
    routeFor('node', '/v1/node/commands/receive', {
      method: 'post',
      summary: 'Wait for commands',
      request: { body: jsonBody(ReceiveRequest) },
      responses: { 200: jsonResponse('Commands, to be settled within 30 s', ReceiveAnswer) },
    }),
    async (context) => {
      const node = await askingNode(deps, context)
      const { waitMs } = context.req.valid('json')
      const lend = lendMessages({ leases: leasesFor(deps, node), clock: deps.clock })
      const lent = await lend(waitMs, context.req.raw.signal)
      return context.json({ messages: lent.map(({ message, lease }) => ({ lease, ...message })) }, 200)
    },
  )
  app.openapi(
    routeFor('node', '/v1/node/commands/settle', {
      method: 'post',
      summary: 'Say which commands were taken; the others come again',
      request: { body: jsonBody(SettleRequest) },
      responses: done,
    }),
    async (context) => {
      const leases = leasesFor(deps, await askingNode(deps, context))
      const { taken, notTaken } = context.req.valid('json')
      for (const lease of taken) leases.settle(lease)
      for (const lease of notTaken) leases.giveBack(lease)
      return context.body(null, 204)
    },
  )
  app.openapi(
    routeFor('node', '/v1/node/reports', {
      method: 'post',
      summary: 'Tell what became of operations',
      request: { body: jsonBody(ReportsRequest) },
      responses: done,
    }),
    async (context) => {
      const node = await askingNode(deps, context)
      await sendAll(deps.reports, readReports(context.req.valid('json'), node))
      return context.body(null, 204)
    },
  )
}

export const nodeRoutes = (deps: NodeRoutesDeps): ApiApp => {
  const app = apiRouter()
  addJoining(app, deps)
  addLife(app, deps)
  addMessages(app, deps)
  return app
}

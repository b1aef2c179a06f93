/**
 * @module small-control-plane: what an agent needs of a control plane, in memory and in this process, for tests.
 */
import type { Clock } from '#lib/base/clock.ts'
import { silentLog } from '#lib/base/log.ts'
import { newToken } from '#lib/api/new-token.ts'
import { nodeRoutes } from '#lib/api/node-routes.ts'
import { vendAccess } from '#lib/api/vend-access.ts'
import { apiRouter, authenticate, sendProblem } from '#lib/api/routing.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { catalog } from '#lib/catalog/catalog.ts'
import { issueOperation, type NewOperation } from '#lib/catalog/issue-operation.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import { recordReport } from '#lib/catalog/record-report.ts'
import { leasedQueue } from '#lib/operation/leased-queue.ts'
import { memoryLeases } from '#lib/operation/memory-leases.ts'
import { isEnded, type Operation } from '#lib/operation/operation.ts'
import type { OperationKind, ParametersOf } from '#lib/operation/operation-kinds.ts'
import { Report } from '#lib/operation/report.ts'
import type { SettingsRecord } from '#lib/target/target-settings.ts'

export const smallControlPlane = async (clock: Clock) => {
  const things = catalog(memoryItemStore())
  const leases = memoryLeases(clock)
  const secrets = new Map<string, SettingsRecord>()
  const commands = leasedQueue({ leases, clock, log: silentLog })
  /** What was asked, by path, in order; and whether anything is answered. */
  const asked: string[] = []
  const state = { isReachable: true }
  const storeSecrets = { get: async (name: string) => secrets.get(name) }
  const noSessions = () => Promise.reject(new Error('there is no STS'))
  const vending = { catalog: things, secrets: storeSecrets, sessions: noSessions, clock, log: silentLog }
  const deps = {
    catalog: things,
    leasesOf: () => leases,
    reports: {
      send: async ({ body }: { body: string }) => {
        await recordReport({ catalog: things })(Report.parse(JSON.parse(body)))
      },
    },
    vend: vendAccess(vending, { env: {} }),
    clock,
    log: silentLog,
  }
  const app = apiRouter()
  app.onError((error, context) => sendProblem(context, error))
  app.use('/v1/*', authenticate(deps))
  app.route('/', nodeRoutes(deps))
  await things.clusters.create({ name: 'primary', createdAt: clock.now().toISOString() })
  let count = 0

  const operation = (id: string) => things.operations.get(catalogKeys.operation(id))
  const volume = (name: string) => things.volumes.get(catalogKeys.volume('primary', name))
  return {
    serve: (request: Request): Response | Promise<Response> => {
      asked.push(new URL(request.url).pathname)
      return app.fetch(request)
    },
    things,
    secrets,
    asked,
    state,
    operation,
    volume,
    fetch: (async (input: URL, init?: RequestInit) => {
      if (!state.isReachable) throw new TypeError('fetch failed')
      asked.push(input.pathname)
      return app.request(input.href, init)
    }) as unknown as typeof globalThis.fetch,
    joinToken: async () => (await newToken(deps, { name: 'join', role: 'join', cluster: 'primary' })).token,
    issue: <Kind extends OperationKind>(
      kind: Kind,
      name: string,
      parameters: ParametersOf<Kind>,
      node = 'node-1',
    ): Promise<Operation> => {
      const wanted: NewOperation = {
        id: `op-${++count}`,
        kind,
        cluster: 'primary',
        node,
        volume: name,
        generation: 1,
        parameters,
        cause: { kind: 'request', by: 'test' },
      }
      return issueOperation({ catalog: things, queueOf: () => commands, clock })(wanted)
    },
    ended: async (id: string): Promise<Operation> => {
      for (;;) {
        const found = await operation(id)
        if (found && isEnded(found)) return found
        await clock.sleep(5)
      }
    },
  }
}

/**
 * @module control-plane: the service on one machine: the handlers that run in functions, on SQLite, timers and HTTP.
 */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { apiApp } from '#lib/api/app.ts'
import type { ApiDeps } from '#lib/api/api-deps.ts'
import { reachTargets } from '#lib/api/reach-targets.ts'
import type { ApiApp } from '#lib/api/routing.ts'
import { targetCredentials } from '#lib/api/target-credentials.ts'
import { vendAccess } from '#lib/api/vend-access.ts'
import { blockWorkers } from '#lib/backup/block-workers.ts'
import type { Clock } from '#lib/base/clock.ts'
import type { Ids } from '#lib/base/ids.ts'
import type { Log } from '#lib/base/log.ts'
import { beginOperation } from '#lib/catalog/begin-operation.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { listeningSince } from '#lib/catalog/listening-since.ts'
import { catalog as catalogOver, type Catalog } from '#lib/catalog/catalog.ts'
import { reconcileVolumes } from '#lib/catalog/reconcile-volumes.ts'
import { settingValue } from '#lib/catalog/settings.ts'
import { sqliteItemStore } from '#lib/catalog/sqlite-item-store.ts'
import { jobCollection } from '#lib/jobs/job-collection.ts'
import { syncRules } from '#lib/jobs/sync-rules.ts'
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import { leasedQueue } from '#lib/operation/leased-queue.ts'
import { sendReport } from '#lib/operation/send-report.ts'
import { sqliteQueues } from '#lib/operation/sqlite-leases.ts'
import { storePerformers } from '#lib/perform/store-performers.ts'
import { timerRules } from '#lib/schedule/timer-rules.ts'
import { openFileSecretStore } from '#lib/target/file-secret-store.ts'
import { stsSessions } from '#lib/target/sts-sessions.ts'
import { controlPlaneHandlers, type ControlPlaneHandlers } from '../functions/handlers.ts'
import { indexTargetNow } from '../functions/index-backup.ts'
import { everyWhile } from './loop.ts'
import { startPump } from './pump.ts'

export interface ControlPlaneSettings {
  /** Its data folder, which it has for itself. */
  folder: string
  clock: Clock
  ids: Ids
  log: Log
  /** Of S3 targets that name no secret, and DROVER_BACKUP_ROLE_ARN, a role for them. */
  env: Readonly<Record<string, string | undefined>>
}

export interface ControlPlane {
  readonly app: ApiApp
  readonly catalog: Catalog
  /** Wakes its functions until `stop`, which waits for what is under way. */
  start(): { stop(): Promise<void> }
  close(): Promise<void>
}

const reportsQueue = 'reports'
const objectEventsQueue = 'object-events'
/** A verification may take long; when this process dies, all that it had taken is given back at its next start. */
const dayMs = 24 * 3600_000
const minuteMs = 60_000

const openPorts = async (settings: ControlPlaneSettings) => {
  const { folder, clock, ids, log, env } = settings
  const items = sqliteItemStore(join(folder, 'catalog.sqlite'))
  const queues = sqliteQueues(join(folder, 'queues.sqlite'), clock)
  const secrets = await openFileSecretStore(join(folder, 'secrets.json'))
  const catalog = catalogOver(items)
  const leasesOf = (queue: string) =>
    queues.leases(queue, queue === controlPlaneNode ? { leaseMs: dayMs } : {})
  const queueOf = (queue: string) => leasedQueue({ leases: leasesOf(queue), clock, log })
  const sessions = stsSessions()
  const reachDeps = { catalog, secrets, sessions, clock, log }
  const reachSettings = { env, defaultRoleArn: env['DROVER_BACKUP_ROLE_ARN'] || undefined }
  return {
    items,
    queues,
    secrets,
    catalog,
    jobs: jobCollection(items),
    leasesOf,
    queueOf,
    ...reachTargets(reachDeps, reachSettings),
    vend: vendAccess(reachDeps, reachSettings),
    credentialsOf: targetCredentials(reachDeps, reachSettings),
    clock,
    ids,
    log,
  }
}

type Ports = Awaited<ReturnType<typeof openPorts>>

interface Work {
  workers: ReturnType<typeof blockWorkers>
  checks: (() => Promise<void>)[]
  /** What is under way is left then, and performed again at the next start. */
  ending: AbortSignal
}

const handlersOver = (ports: Ports, { workers, checks, ending }: Work) => {
  const { catalog, clock, ids, log, queueOf, openForOperation } = ports
  return controlPlaneHandlers({
    ...ports,
    checks,
    ending,
    listeningSince: listeningSince({ catalog, clock }),
    performers: storePerformers({ clock, ids, log, workers, openTarget: openForOperation }),
    mayBegin: async ({ operationId }) =>
      (await beginOperation({ catalog })(operationId, controlPlaneNode)).permission,
    sendReport: (report) => sendReport(queueOf(reportsQueue), report),
  })
}

/** The look at all of each target, for what no event told. */
const pollTargets = (ports: Ports) => async (): Promise<void> => {
  const { partition } = catalogKeys.target('x')
  for await (const { name } of ports.catalog.targets.all({ partition }))
    await indexTargetNow(ports)(name).catch((error: unknown) => {
      ports.log.warn('target not looked at', { target: name, error: String(error) })
    })
}

const startAll = (ports: Ports, handlers: ControlPlaneHandlers, rules: ReturnType<typeof timerRules>) => {
  const { clock, log, queues, leasesOf, catalog } = ports
  const pump = (queue: string, handler: (event: unknown) => Promise<unknown>, atOnce: number) => {
    queues.giveBackAll(queue)
    return startPump({ leases: leasesOf(queue), handler, clock, log }, atOnce)
  }
  const pollMs = async () => (await settingValue(catalog, 'backupstore-poll-interval')) * 1000
  return [
    pump(reportsQueue, handlers.recordReport, 20),
    pump(objectEventsQueue, handlers.indexBackup, 4),
    pump(controlPlaneNode, handlers.performOperation, 4),
    everyWhile(
      { clock, log },
      'reconcile',
      async () => minuteMs,
      () => handlers.reconcile({}),
    ),
    everyWhile({ clock, log }, 'looking at targets', pollMs, pollTargets(ports)),
    rules.start(),
  ]
}

const apiDepsOf = (ports: Ports, rules: ApiDeps['rules']): ApiDeps => {
  const { queues, queueOf } = ports
  return {
    ...ports,
    rules,
    removeQueue: async (node) => queues.removeQueue(node),
    reports: queueOf(reportsQueue),
    onObjectEvent: (event) =>
      queueOf(objectEventsQueue).send({
        group: randomUUID(),
        deduplicationId: randomUUID(),
        body: JSON.stringify(event),
      }),
  }
}

/** @throws SecretStoreError, CatalogError. */
export const openControlPlane = async (settings: ControlPlaneSettings): Promise<ControlPlane> => {
  const ports = await openPorts(settings)
  const { clock, log, catalog, jobs } = ports
  const workers = blockWorkers()
  const rules = timerRules({
    clock,
    log,
    onTick: async ({ rule, minute }) => {
      await handlers.runRecurringJob({ job: rule, time: minute })
    },
  })
  const syncAllRules = syncRules({ jobs, rules })
  const ending = new AbortController()
  const sweep = async () => ports.items.sweep(clock.now())
  const checks = [syncAllRules, reconcileVolumes({ catalog, clock, log }), sweep]
  const handlers: ControlPlaneHandlers = handlersOver(ports, { workers, checks, ending: ending.signal })
  await syncAllRules()
  return {
    app: apiApp(apiDepsOf(ports, rules)),
    catalog,
    start: () => {
      const parts = startAll(ports, handlers, rules)
      return {
        stop: async () => {
          ending.abort()
          await Promise.all(parts.map((part) => part.stop()))
        },
      }
    },
    close: async () => {
      await workers.close()
      ports.items.close()
      ports.queues.close()
    },
  }
}

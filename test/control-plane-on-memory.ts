/**
 * @module control-plane-on-memory: the control plane's handlers on memory adapters, with one target, one attached volume and one job,
 * for tests. Time passes when everybody sleeps.
 */
import { createBackup } from '#lib/backup/create-backup.ts'
import { memorySource } from '#lib/backup/memory-volume.ts'
import { randomIds } from '#lib/base/ids.ts'
import type { Log, LogFields } from '#lib/base/log.ts'
import { MiB } from '#lib/base/sizes.ts'
import { beginOperation } from '#lib/catalog/begin-operation.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { catalog } from '#lib/catalog/catalog.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import { jobCollection } from '#lib/jobs/job-collection.ts'
import { labelsOf, type RecurringJob } from '#lib/jobs/recurring-job.ts'
import { memoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import type { Operation } from '#lib/operation/operation.ts'
import type { Report, ReportEvent } from '#lib/operation/report.ts'
import { storePerformers } from '#lib/perform/store-performers.ts'
import { controlPlaneHandlers, type ControlPlaneDeps } from '../functions/handlers.ts'
import { idleClock } from './idle-clock.ts'
import { queuedOperation } from './queued-operation.ts'
import { storedVolume } from './stored-volume.ts'

export interface LoggedEvent {
  level: keyof Log
  event: string
  fields: LogFields
}

const listeningLog = (heard: LoggedEvent[]): Log => {
  const at =
    (level: keyof Log) =>
    (event: string, fields: LogFields = {}): void => {
      heard.push({ level, event, fields })
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

const daily: RecurringJob = {
  name: 'daily',
  task: 'backup',
  cron: '0 2 * * *',
  retain: 2,
  labels: {},
  groups: [],
  isEnabled: true,
}

export type ControlPlaneOnMemory = Awaited<ReturnType<typeof controlPlaneOnMemory>>

/** `more`: ports of its own, instead of those in memory. */
export const controlPlaneOnMemory = async (more: Partial<ControlPlaneDeps> = {}) => {
  const clock = idleClock()
  const items = memoryItemStore()
  const things = catalog(items)
  const jobs = jobCollection(items)
  const logged: LoggedEvent[] = []
  const log = listeningLog(logged)
  const sent: string[] = []
  const reports: Report[] = []
  const target = {
    store: memoryObjectStore({ clock }),
    /** Why it cannot be opened. */
    fault: undefined as Error | undefined,
    opened: 0,
  }
  const open = async (): Promise<ObjectStore> => {
    target.opened++
    if (target.fault) throw target.fault
    return target.store
  }

  const createdAt = clock.now().toISOString()
  const unknown = { credential: null, reachedBy: null, indexedAt: null, failure: null }
  await things.targets.create({ name: 'nas', url: 's3://backups@us-east-1/nas/', createdAt, ...unknown })
  await things.volumes.create({
    ...storedVolume,
    state: 'attached',
    jobs: ['daily'],
    target: 'nas',
    backupVolume: 'web',
    createdAt,
  })
  await jobs.create(daily)

  const noThreads = { size: 1, run: () => Promise.reject(new Error('no threads')), close: async () => {} }
  const deps: ControlPlaneDeps = {
    catalog: things,
    jobs,
    queueOf: (node) => ({
      send: async ({ deduplicationId }) => {
        sent.push(`${node} ${deduplicationId}`)
      },
    }),
    openTarget: open,
    checks: [],
    performers: storePerformers({
      clock,
      ids: randomIds,
      log,
      workers: noThreads,
      openTarget: async () => ({ store: await open(), url: 's3://backups@us-east-1/nas/' }),
    }),
    mayBegin: async ({ operationId }) =>
      (await beginOperation({ catalog: things })(operationId, controlPlaneNode)).permission,
    sendReport: async (report) => {
      reports.push(report)
    },
    clock,
    log,
    ...more,
  }
  const operations = {
    add: async (wanted: Partial<Operation>): Promise<Operation> => {
      const operation = { ...queuedOperation, createdAt: clock.now().toISOString(), ...wanted }
      operation.expiresAt = new Date(clock.now().getTime() + 3600_000).toISOString()
      await things.operations.create(operation)
      return operation
    },
    get: (id: string) => things.operations.get(catalogKeys.operation(id)),
  }
  /** In the store, as an agent makes it. */
  const backUp = async (backupName: string, labels: Record<string, string> = labelsOf(daily)) => {
    clock.advance(60_000)
    const source = memorySource(Buffer.alloc(2 * MiB, backupName))
    const { store } = target
    await createBackup({ store, clock, ids: randomIds, log })({
      volumeName: 'web',
      source,
      backupName,
      labels,
    })
  }
  const backupNames = async (): Promise<string[]> => {
    const { partition } = catalogKeys.backup('nas', 'web', '')
    return (await things.backups.list({ partition })).values.map(({ name }) => name)
  }
  const reportOf = (operationId: string, sequence: number, event: ReportEvent): Report => ({
    version: 1,
    operationId,
    node: 'node-1',
    sequence,
    at: clock.now().toISOString(),
    event,
  })
  return {
    clock,
    things,
    target,
    logged,
    sent,
    reports,
    deps,
    operations,
    backUp,
    backupNames,
    reportOf,
    handlers: controlPlaneHandlers(deps),
    volume: () => things.volumes.get(catalogKeys.volume('primary', 'web')),
    targetRow: () => things.targets.get(catalogKeys.target('nas')),
    errors: () => logged.filter(({ level }) => level === 'error'),
  }
}

/** As SQS hands them over, `m-0`, `m-1`, … */
export const sqsEvent = (group: string | undefined, ...bodies: unknown[]) => ({
  Records: bodies.map((body, index) => ({
    messageId: `m-${index}`,
    receiptHandle: 'handle',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    attributes: { ApproximateReceiveCount: '1', ...(group !== undefined && { MessageGroupId: group }) },
    eventSource: 'aws:sqs',
  })),
})

export const failing = (...messages: string[]) => ({
  batchItemFailures: messages.map((itemIdentifier) => ({ itemIdentifier })),
})

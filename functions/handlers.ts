/**
 * @module handlers: what the control plane does when it is woken, made from ports: the same on AWS and on one machine.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { backupCommittedEvent } from '#lib/backup-index/object-event.ts'
import type { Catalog } from '#lib/catalog/catalog.ts'
import type { Target } from '#lib/catalog/entities.ts'
import type { JobCollection } from '#lib/jobs/job-collection.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import type { PerformCommand } from '#lib/operation/command.ts'
import type { SendQueue } from '#lib/operation/queue.ts'
import type { Report } from '#lib/operation/report.ts'
import type { StorePerformers } from '#lib/perform/store-performers.ts'
import type { Permission } from '#lib/perform/worker.ts'
import { indexBackup, indexBackupHandler } from './index-backup.ts'
import { performOperationHandler } from './perform-operation.ts'
import { recordReportHandler } from './record-report.ts'
import { reconcileHandler } from './reconcile.ts'
import { runRecurringJobHandler } from './run-recurring-job.ts'

export interface ControlPlaneDeps {
  catalog: Catalog
  jobs: Pick<JobCollection, 'get'>
  /** Commands, by node. */
  queueOf: (node: string) => SendQueue
  /** With the credentials of the target's secret. */
  openTarget: (target: Target) => Promise<ObjectStore>
  /** What reconcile looks at besides operations. */
  checks: readonly (() => Promise<void>)[]
  /** See reconcile-operations.ts. */
  listeningSince?: (() => Promise<Date>) | undefined
  /** What is performed here, for want of a node. */
  performers: StorePerformers
  mayBegin: (command: PerformCommand) => Promise<Permission>
  /** See perform-operation.ts. */
  goOnLater?: ((command: PerformCommand) => Promise<void>) | undefined
  /** Of what is performed here. */
  sendReport: (report: Report) => Promise<void>
  /** Aborted when the process is to end: what is performed here is left for its next start. */
  ending?: AbortSignal | undefined
  clock: Clock
  log: Log
}

export type ControlPlaneHandlers = ReturnType<typeof controlPlaneHandlers>

export const controlPlaneHandlers = (deps: ControlPlaneDeps) => {
  const onBackupChanged = (changed: Parameters<typeof backupCommittedEvent>[0]) =>
    indexBackup(deps)(backupCommittedEvent(changed))
  return {
    runRecurringJob: runRecurringJobHandler(deps),
    indexBackup: indexBackupHandler(deps),
    recordReport: recordReportHandler({ ...deps, onBackupChanged }),
    reconcile: reconcileHandler({ ...deps, onBackupChanged }),
    performOperation: performOperationHandler(deps),
  }
}

/**
 * @module api-deps: what the API stands on: ports alone, so that it is the same app in a function and on one machine.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Ids } from '#lib/base/ids.ts'
import type { Log } from '#lib/base/log.ts'
import type { Catalog } from '#lib/catalog/catalog.ts'
import type { Target } from '#lib/catalog/entities.ts'
import type { JobCollection } from '#lib/jobs/job-collection.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import type { MessageLeases } from '#lib/operation/message-leases.ts'
import type { SendQueue } from '#lib/operation/queue.ts'
import type { ScheduleRules } from '#lib/schedule/schedule-rules.ts'
import type { SecretStore } from '#lib/target/secret-store.ts'

export interface ApiDeps {
  catalog: Catalog
  jobs: JobCollection
  rules: ScheduleRules
  /** Commands, by node. */
  queueOf: (node: string) => SendQueue
  /** Where nodes ask for their commands over HTTP; absent: they have a queue service for that. */
  leasesOf?: ((node: string) => MessageLeases) | undefined
  /** When a node is removed. */
  removeQueue: (node: string) => Promise<void>
  /** What nodes tell. */
  reports: SendQueue
  secrets: SecretStore
  /** With the credentials of the target's secret. */
  openTarget: (target: Target) => Promise<ObjectStore>
  /** What an object event says, whatever its shape: queued or looked at now. */
  onObjectEvent: (event: unknown) => Promise<void>
  clock: Clock
  ids: Ids
  log: Log
}

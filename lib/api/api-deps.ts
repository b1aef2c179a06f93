/**
 * @module api-deps: what the API stands on: ports alone, so that it is the same app in a function and on one machine.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Ids } from '#lib/base/ids.ts'
import type { Log } from '#lib/base/log.ts'
import type { Catalog } from '#lib/catalog/catalog.ts'
import type { Target, TargetCredentials } from '#lib/catalog/entities.ts'
import type { SettingDefaults } from '#lib/catalog/settings.ts'
import type { JobCollection } from '#lib/jobs/job-collection.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import type { MessageLeases } from '#lib/operation/message-leases.ts'
import type { SendQueue } from '#lib/operation/queue.ts'
import type { ScheduleRules } from '#lib/schedule/schedule-rules.ts'
import type { SecretStore } from '#lib/target/secret-store.ts'
import type { QueueAnswer, TargetAccess } from './node-messages.ts'
import type { TargetOperation } from './operation-reach.ts'

export interface ApiDeps {
  catalog: Catalog
  jobs: JobCollection
  rules: ScheduleRules
  /** Commands, by node. */
  queueOf: (node: string) => SendQueue
  /** Where nodes ask for their commands over HTTP; absent: they have a queue service for that. */
  leasesOf?: ((node: string) => MessageLeases) | undefined
  /** Where nodes have a queue service: when a node joins. Safe to repeat. */
  makeQueue?: ((node: string) => Promise<void>) | undefined
  /** Where nodes have a queue service: how a node reaches its own queue, and no other. */
  queueAccess?: ((node: string) => Promise<QueueAnswer>) | undefined
  /** When a node is removed. */
  removeQueue: (node: string) => Promise<void>
  /** What nodes tell. */
  reports: SendQueue
  secrets: SecretStore
  /** How a node reaches a target for one operation. @throws TargetError. */
  vend: (target: Target, operation: TargetOperation) => Promise<TargetAccess>
  /** What reaches a target, found out anew; undefined: it cannot be found out now. @throws TargetError `role-refused`. */
  credentialsOf: (target: Target) => Promise<TargetCredentials | undefined>
  /** For a look at all of it. */
  openTarget: (target: Target) => Promise<ObjectStore>
  /** Where a look at all of a target may take longer than a request may: has others take it. Absent: it is taken at once. */
  askForLook?: ((target: string) => Promise<void>) | undefined
  /** What an object event says, whatever its shape: queued or looked at now. */
  onObjectEvent: (event: unknown) => Promise<void>
  /** Default: those of a service without object events. */
  settingDefaults?: SettingDefaults | undefined
  clock: Clock
  ids: Ids
  log: Log
}

/**
 * @module retain: after a job's backup or snapshot was made: issues the deletion of what the job need not keep any more.
 *
 * What there is it takes from the catalog, which must know of the new one already; a deletion looks again in the store, under its
 * lock. Safe to repeat: the same thing is deleted by the same operation.
 */
import { gathered } from '#lib/base/gathered.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Catalog } from '#lib/catalog/catalog.ts'
import { issueOperation, type IssueDeps, type NewOperation } from '#lib/catalog/issue-operation.ts'
import type { Operation } from '#lib/operation/operation.ts'
import type { JobCollection } from './job-collection.ts'
import { sixteenHex } from './sixteen-hex.ts'
import { beyondRetention, type Retained } from './retention.ts'

export interface RetainDeps extends IssueDeps {
  catalog: Pick<Catalog, 'operations' | 'backups' | 'snapshots'>
  jobs: Pick<JobCollection, 'get'>
}

/** Less than a day: the run that is to collect may be a little earlier than the day before. */
const collectEveryMs = 23 * 3600_000
/** As far back as is looked for a collection, a few at a time: each that is read is paid for. */
const collectEveryOperations = 200
const lookedAtOnce = 20

/** One that found a backup in progress has collected nothing. */
const collects = ({ kind, parameters, state, result }: Operation): boolean =>
  (kind === 'collect-blocks' ||
    (kind === 'delete-backup' && !('collects' in parameters && parameters.collects === false))) &&
  state !== 'failed' &&
  state !== 'cancelled' &&
  typeof result?.['skipped'] !== 'string'

/**
 * Whether it is time to collect: it lists every block of the backup volume, a thousand a request, so that after each backup of a large
 * volume it would cost more than the backup.
 */
const isTimeToCollect = async (
  { catalog, clock }: RetainDeps,
  { cluster, volume }: Operation,
): Promise<boolean> => {
  const { partition } = catalogKeys.operationOfVolume(cluster, volume, 'x')
  const query = { index: 'first', partition, order: 'descending', limit: lookedAtOnce } as const
  const sinceMs = clock.now().getTime() - collectEveryMs
  let after: string | undefined
  for (let seen = 0; seen < collectEveryOperations; seen += lookedAtOnce) {
    const { values, next } = await catalog.operations.list({ ...query, after })
    const recent = values.filter(({ createdAt }) => Date.parse(createdAt) > sinceMs)
    if (recent.some(collects)) return false
    if (recent.length === 0 || next === undefined) return true
    after = next
  }
  return true
}

/** A deletion for the same volume, by the same node, because of the same run. */
const following = (operation: Operation, what: string) => {
  const { id, cluster, node, volume, generation, cause } = operation
  return { id: `${id}_delete_${what}`, cluster, node, volume, generation, cause }
}

const backupDeletions = async (
  deps: RetainDeps,
  operation: Operation<'create-backup'>,
  keep: { job: string; retain: number },
): Promise<NewOperation[]> => {
  const { catalog } = deps
  const { target, backupVolume } = operation.parameters
  const { partition } = catalogKeys.backup(target, backupVolume, '')
  // By the snapshot's time, which only grows: after a node's clock was put back its newest backup says that it is older. And none that
  // cannot be restored takes the place of one that can.
  const backups = (await gathered(catalog.backups.all({ partition })))
    .filter(({ obstacle }) => obstacle === null)
    .map(({ name, snapshotCreatedAt, labels }) => ({ name, createdAt: snapshotCreatedAt, labels }))
  const beyond = beyondRetention(backups, keep)
  const isTime = beyond.length > 0 && (await isTimeToCollect(deps, operation))
  return beyond.map(({ name: backup }, at) => {
    const word = sixteenHex(JSON.stringify([target, backupVolume, backup]))
    const isLast = at === beyond.length - 1
    const more = isTime && isLast ? {} : { collects: false }
    const parameters = { target, backupVolume, backup, lock: `lock-${word}`, ...more }
    return { ...following(operation, word), kind: 'delete-backup', parameters }
  })
}

const snapshotDeletions = async (
  { catalog }: RetainDeps,
  operation: Operation<'create-snapshot'>,
  keep: { job: string; retain: number },
): Promise<NewOperation[]> => {
  const { cluster, volume, parameters: made } = operation
  const { partition } = catalogKeys.snapshot(cluster, volume, '')
  const snapshots: Retained[] = await gathered(catalog.snapshots.all({ partition }))
  // Where the node's clock was put back the one just made seems to be the oldest.
  const beyond = beyondRetention(snapshots, keep).filter(({ name }) => name !== made.snapshot)
  return beyond.map(({ name: snapshot }) => ({
    ...following(operation, sixteenHex(JSON.stringify([snapshot]))),
    kind: 'delete-snapshot',
    parameters: { snapshot },
  }))
}

const isBackup = (operation: Operation): operation is Operation<'create-backup'> =>
  operation.kind === 'create-backup'
const isSnapshot = (operation: Operation): operation is Operation<'create-snapshot'> =>
  operation.kind === 'create-snapshot'

/** For an operation of a job that made something: else what the catalog says may be of long ago. @returns the deletions issued. */
export const retain =
  (deps: RetainDeps) =>
  async (operation: Operation): Promise<Operation[]> => {
    const { cause, state, result } = operation
    const hasMade = state === 'succeeded' && result?.['outcome'] !== 'nothing-new'
    const isOfJob = cause.kind === 'job' && hasMade
    const job = isOfJob ? await deps.jobs.get(catalogKeys.job(cause.job)) : undefined
    if (!job) return []
    const keep = { job: job.name, retain: job.retain }
    const deletions = isBackup(operation)
      ? await backupDeletions(deps, operation, keep)
      : isSnapshot(operation)
        ? await snapshotDeletions(deps, operation, keep)
        : []
    return Promise.all(deletions.map(issueOperation(deps)))
  }

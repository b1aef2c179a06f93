/**
 * @module overdue-volumes: volumes whose backup was due an hour ago, and that have none since, nor one under way: what somebody should
 * be woken for. A run that found nothing new counts as a backup.
 */
import { gathered } from '#lib/base/gathered.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Catalog } from '#lib/catalog/catalog.ts'
import type { Volume } from '#lib/catalog/entities.ts'
import { isEnded, type Operation } from '#lib/operation/operation.ts'
import { parseCron } from '#lib/schedule/cron-expression.ts'
import type { JobCollection } from './job-collection.ts'
import type { RecurringJob } from './recurring-job.ts'
import { takesPart } from './taking-part.ts'

export interface OverdueVolumesDeps {
  catalog: Pick<Catalog, 'operations' | 'runs' | 'volumes'>
  jobs: Pick<JobCollection, 'all'>
  clock: { now: () => Date }
}

export interface OverdueVolume {
  cluster: string
  volume: string
  job: string
  /** When it was due, ISO 8601. */
  dueAt: string
}

const hourMs = 3600_000
const dayMs = 24 * hourMs
const graceMs = hourMs
/** Looked back in turn, so that neither a job of each minute nor one of each year takes many steps. */
const windowsMs = [hourMs, dayMs, 8 * dayMs, 32 * dayMs, 367 * dayMs]
/** As many of a volume's last operations are looked at, a few at a time: each that is read is paid for, and the first will do mostly. */
const lookedAt = 100
const lookedAtOnce = 10

/** The last minute up to `until` in which it was due; `undefined`: none within a year. */
export const lastDueBefore = (cron: string, until: Date): Date | undefined => {
  const expression = parseCron(cron)
  const next = (after: Date) => expression.next(after)
  for (const windowMs of windowsMs) {
    let due: Date | undefined
    for (let at = next(new Date(until.getTime() - windowMs)); at <= until; at = next(at)) due = at
    if (due) return due
  }
  return undefined
}

/** Since its first run: what was due before a job was made is not missed. */
const hasRunBefore = async ({ catalog }: OverdueVolumesDeps, job: string, due: Date): Promise<boolean> => {
  const first = await catalog.runs.list({ partition: catalogKeys.run(job, 'x').partition, limit: 1 })
  return first.values.some(({ minute }) => Date.parse(minute) <= due.getTime())
}

/** One that is there since, or under way. */
const countsSince = (operation: Operation, due: Date): boolean =>
  operation.kind === 'create-backup' &&
  ((!isEnded(operation) && operation.state !== 'queued') ||
    (operation.state === 'succeeded' && Date.parse(operation.createdAt) >= due.getTime()))

const hasBackupSince = async (
  { catalog }: OverdueVolumesDeps,
  { cluster, name }: Volume,
  due: Date,
): Promise<boolean> => {
  const { partition } = catalogKeys.operationOfVolume(cluster, name, 'x')
  const query = { index: 'first', partition, order: 'descending', limit: lookedAtOnce } as const
  let after: string | undefined
  for (let seen = 0; seen < lookedAt; seen += lookedAtOnce) {
    const { values, next } = await catalog.operations.list({ ...query, after })
    if (values.some((each) => countsSince(each, due))) return true
    if (next === undefined) return false
    after = next
  }
  return false
}

/** What is at rest does not change, what is on its way has nothing yet, and what has no target was never to be backed up. */
const isWatched = ({ state, target, createdAt }: Volume, due: Date): boolean =>
  target !== null &&
  (state === 'attached' || state === 'missing' || state === 'damaged') &&
  Date.parse(createdAt) <= due.getTime()

const overdueOf = async (
  deps: OverdueVolumesDeps,
  job: RecurringJob,
  volumes: readonly Volume[],
): Promise<OverdueVolume[]> => {
  const due = lastDueBefore(job.cron, new Date(deps.clock.now().getTime() - graceMs))
  if (!due || !(await hasRunBefore(deps, job.name, due))) return []
  const overdue: OverdueVolume[] = []
  for (const volume of volumes.filter((each) => takesPart(job, each) && isWatched(each, due)))
    if (!(await hasBackupSince(deps, volume, due)))
      overdue.push({ cluster: volume.cluster, volume: volume.name, job: job.name, dueAt: due.toISOString() })
  return overdue
}

/** Changes nothing. */
export const overdueVolumes = (deps: OverdueVolumesDeps) => async (): Promise<OverdueVolume[]> => {
  const jobs = await gathered(deps.jobs.all({ partition: catalogKeys.job('x').partition }))
  const backing = jobs.filter(({ task, isEnabled }) => task === 'backup' && isEnabled)
  if (backing.length === 0) return []
  const volumes = await gathered(
    deps.catalog.volumes.all({ partition: catalogKeys.volume('x', 'x').partition }),
  )
  return (await Promise.all(backing.map((job) => overdueOf(deps, job, volumes)))).flat()
}

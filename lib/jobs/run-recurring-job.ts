/**
 * @module run-recurring-job: what happens when a job's minute has come: an operation for each volume that takes part, or the reason why not.
 *
 * A run is known by job and minute, and so are its operations: a doubled tick finds them, and does what the first left undone.
 * Moves no data: nodes do.
 */
import type * as z from 'zod'
import { forEachConcurrently } from '#lib/base/concurrency.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Catalog } from '#lib/catalog/catalog.ts'
import type { Run, RunOutcome, Volume } from '#lib/catalog/entities.ts'
import { issueOperation, type IssueDeps, type NewOperation } from '#lib/catalog/issue-operation.ts'
import { parseCron } from '#lib/schedule/cron-expression.ts'
import type { Tick } from '#lib/schedule/schedule-rules.ts'
import type { JobCollection } from './job-collection.ts'
import { keptOutcomes } from './kept-outcomes.ts'
import { labelsOf, type RecurringJob } from './recurring-job.ts'
import { sixteenHex } from './sixteen-hex.ts'
import { takesPart } from './taking-part.ts'

type Outcome = z.infer<typeof RunOutcome>

export interface RunRecurringJobDeps extends IssueDeps {
  catalog: Pick<Catalog, 'operations' | 'volumes' | 'runs'>
  jobs: Pick<JobCollection, 'get'>
}

/** `20260101T023000Z` */
const minuteWord = ({ minute }: Tick): string => minute.replaceAll(/[-:]|\.\d+/g, '')

/** Begins with its time, so that operations are listed by it. */
const operationId = (tick: Tick, { name }: RecurringJob, volume: Volume): string =>
  [minuteWord(tick), name, volume.cluster, volume.name].join('_')

/** Longhorn's: eight characters of the job's name, then a random part; here the same for the same run. */
const snapshotName = (job: RecurringJob, id: string): string =>
  `${`${job.name}-c`.slice(0, 8)}-${sixteenHex(id)}`

const operationFor = (tick: Tick, job: RecurringJob, volume: Volume): NewOperation | { obstacle: string } => {
  const { cluster, node, name, generation, target, backupVolume } = volume
  const id = operationId(tick, job, volume)
  const cause = { kind: 'job', job: job.name, minute: tick.minute } as const
  const common = { id, cluster, node, volume: name, generation, cause }
  const labels = labelsOf(job)
  if (job.task === 'snapshot') {
    const parameters = { snapshot: snapshotName(job, id), labels, onlyIfWritten: true }
    return { ...common, kind: 'create-snapshot', parameters }
  }
  if (target === null || backupVolume === null) return { obstacle: 'it has no backup target' }
  const parameters = {
    target,
    backupVolume,
    backup: `backup-${sixteenHex(id)}`,
    lock: `lock-${sixteenHex(id)}`,
    labels,
    isFull: false,
    onlyIfWritten: true,
  }
  return { ...common, kind: 'create-backup', parameters }
}

const obstacleIn = ({ state }: Volume): string | undefined =>
  state === 'attached' ? undefined : `it is ${state}, not attached`

const skipped = ({ cluster, name }: Volume, reason: string): Outcome => ({
  cluster,
  volume: name,
  outcome: 'skipped',
  operationId: null,
  reason,
})

const failed = (volume: Volume, error: unknown): Outcome => ({
  ...skipped(volume, String(error)),
  outcome: 'failed',
})

const keyOf = ({ cluster, volume }: { cluster: string; volume: string }): string =>
  JSON.stringify([cluster, volume])

/** By volume: a snapshot or backup that is still under way. A run never piles up on the one before. */
const underWay = async (
  { operations }: Pick<Catalog, 'operations'>,
  minutePrefix: string,
): Promise<Map<string, string>> => {
  const found = new Map<string, string>()
  const { partition } = catalogKeys.openOperation('', '')
  for await (const operation of operations.all({ index: 'second', partition })) {
    const isData = operation.kind === 'create-backup' || operation.kind === 'create-snapshot'
    if (isData && !operation.id.startsWith(minutePrefix)) found.set(keyOf(operation), operation.id)
  }
  return found
}

const outcomeFor = async (
  deps: RunRecurringJobDeps,
  { tick, job, volume, open }: { tick: Tick; job: RecurringJob; volume: Volume; open: Map<string, string> },
): Promise<Outcome> => {
  const other = open.get(keyOf({ cluster: volume.cluster, volume: volume.name }))
  const obstacle = obstacleIn(volume) ?? (other === undefined ? undefined : `operation ${other} is under way`)
  if (obstacle !== undefined) return skipped(volume, obstacle)
  const wanted = operationFor(tick, job, volume)
  if ('obstacle' in wanted) return skipped(volume, wanted.obstacle)
  const { id } = await issueOperation(deps)(wanted)
  return { cluster: volume.cluster, volume: volume.name, outcome: 'operation', operationId: id, reason: null }
}

const issuedAtOnce = 20

/** Safe to repeat. A volume that fails keeps no other from its turn: that it did is thrown at the end. */
const runOf = async (deps: RunRecurringJobDeps, job: RecurringJob, tick: Tick): Promise<Run | undefined> => {
  const { catalog, clock } = deps
  const key = catalogKeys.run(job.name, tick.minute)
  const startedAt = clock.now().toISOString()
  const before = await catalog.runs.change(
    key,
    (there) =>
      there ?? { job: job.name, minute: tick.minute, startedAt, endedAt: null, outcomes: [], omitted: 0 },
  )
  const outcomes = new Map((before?.outcomes ?? []).map((outcome) => [keyOf(outcome), outcome]))
  const open = await underWay(catalog, `${minuteWord(tick)}_`)
  const volumes = catalog.volumes.all({ partition: catalogKeys.volume('', '').partition })
  const failures: unknown[] = []
  await forEachConcurrently(volumes, { limit: issuedAtOnce }, async (volume) => {
    const volumeKey = keyOf({ cluster: volume.cluster, volume: volume.name })
    const known = outcomes.get(volumeKey)?.outcome ?? 'failed'
    if (known !== 'failed' || !takesPart(job, volume)) return
    const outcome = await outcomeFor(deps, { tick, job, volume, open }).catch((error: unknown) => {
      failures.push(error)
      return failed(volume, error)
    })
    outcomes.set(volumeKey, outcome)
  })
  const run = await catalog.runs.change(
    key,
    (there) =>
      there && { ...there, endedAt: clock.now().toISOString(), ...keptOutcomes([...outcomes.values()]) },
  )
  if (failures.length === 0) return run
  const told = `job ${job.name} was not issued for ${failures.length} of its volumes: ${String(failures[0])}`
  throw new AggregateError(failures, told)
}

const enabledJob = async ({ jobs }: RunRecurringJobDeps, name: string): Promise<RecurringJob | undefined> => {
  const job = await jobs.get(catalogKeys.job(name))
  return job?.isEnabled ? job : undefined
}

/**
 * What wakes a job may do so more often than its cron expression says (lib/schedule/eventbridge-cron.ts), or late, or after it was changed: the
 * minute that the tick names decides.
 * @returns the run; `undefined`: there is no such job, it is switched off, or not due in that minute.
 */
export const runRecurringJob =
  (deps: RunRecurringJobDeps) =>
  async (tick: Tick): Promise<Run | undefined> => {
    const job = await enabledJob(deps, tick.rule)
    const isDue = job && parseCron(job.cron).isDue(new Date(tick.minute))
    return isDue ? runOf(deps, job, tick) : undefined
  }

/** Besides its schedule: somebody asks for it; `at`: when, by which it is the same run if it is asked for again. @returns the run; `undefined`: there is no such job, or it is switched off. */
export const runJobNow =
  (deps: RunRecurringJobDeps) =>
  async (name: string, at: string): Promise<Run | undefined> => {
    const job = await enabledJob(deps, name)
    return job && runOf(deps, job, { rule: name, minute: at })
  }

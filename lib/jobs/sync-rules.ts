/**
 * @module sync-rules: makes the rules what the jobs say: for what a crash left between writing the one and the other.
 */
import { gathered } from '#lib/base/gathered.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { ScheduleError } from '#lib/schedule/schedule-error.ts'
import type { ScheduleRules } from '#lib/schedule/schedule-rules.ts'
import type { JobCollection } from './job-collection.ts'

export interface SyncRulesDeps {
  jobs: Pick<JobCollection, 'all'>
  rules: ScheduleRules
}

/** One too many is no reason to leave those that are there as they were. */
const unlessTooMany = async (work: Promise<void>): Promise<ScheduleError | undefined> => {
  try {
    await work
    return undefined
  } catch (error) {
    if (error instanceof ScheduleError && error.code === 'too-many-rules') return error
    throw error
  }
}

/**
 * Safe to repeat. A rule is written only where it differs. Those that no job wants go first: an account has so many and no more.
 * @throws ScheduleError `too-many-rules`, when all else is done.
 */
export const syncRules =
  ({ jobs, rules }: SyncRulesDeps) =>
  async (): Promise<void> => {
    // Rules first: a job is written before its rule, so that none of a job made meanwhile is taken for one that no job wants.
    const there = new Map((await rules.list()).map((rule) => [rule.name, rule]))
    const wanted = await gathered(jobs.all({ partition: catalogKeys.job('x').partition }))
    const names = new Set(wanted.map(({ name }) => name))
    for (const name of there.keys()) if (!names.has(name)) await rules.remove(name)
    let refusal: ScheduleError | undefined
    for (const { name, cron, isEnabled } of wanted) {
      const rule = there.get(name)
      if (rule?.cron !== cron || rule.isEnabled !== isEnabled)
        refusal = (await unlessTooMany(rules.put({ name, cron, isEnabled }))) ?? refusal
    }
    if (refusal) throw refusal
  }

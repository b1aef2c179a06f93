/**
 * @module sync-rules: makes the rules what the jobs say: for what a crash left between writing the one and the other.
 */
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { ScheduleRules } from '#lib/schedule/schedule-rules.ts'
import type { JobCollection } from './job-collection.ts'

export interface SyncRulesDeps {
  jobs: Pick<JobCollection, 'all'>
  rules: ScheduleRules
}

/** Safe to repeat. A rule is written only where it differs. */
export const syncRules =
  ({ jobs, rules }: SyncRulesDeps) =>
  async (): Promise<void> => {
    const there = new Map((await rules.list()).map((rule) => [rule.name, rule]))
    for await (const { name, cron, isEnabled } of jobs.all({ partition: catalogKeys.job('x').partition })) {
      const rule = there.get(name)
      there.delete(name)
      if (rule?.cron !== cron || rule.isEnabled !== isEnabled) await rules.put({ name, cron, isEnabled })
    }
    for (const name of there.keys()) await rules.remove(name)
  }

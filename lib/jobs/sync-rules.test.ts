import { describe, expect, it } from 'vitest'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import { ScheduleError } from '#lib/schedule/schedule-error.ts'
import type { ScheduleRule, ScheduleRules } from '#lib/schedule/schedule-rules.ts'
import { jobCollection } from './job-collection.ts'
import type { RecurringJob } from './recurring-job.ts'
import { syncRules } from './sync-rules.ts'

const jobNamed = (name: string, more: Partial<RecurringJob> = {}): RecurringJob => ({
  name,
  task: 'backup',
  cron: '0 2 * * *',
  retain: 1,
  labels: {},
  groups: [],
  isEnabled: true,
  ...more,
})

/** Rules that tell what was done to them. */
const toldRules = (there: ScheduleRule[]) => {
  const rules = new Map(there.map((rule) => [rule.name, rule]))
  const told: string[] = []
  const port: ScheduleRules = {
    put: async (rule) => {
      told.push(`put ${rule.name}`)
      rules.set(rule.name, rule)
    },
    remove: async (name) => {
      told.push(`remove ${name}`)
      rules.delete(name)
    },
    list: async () => [...rules.values()],
  }
  return { port, told }
}

const ruleOf = ({ name, cron, isEnabled }: RecurringJob): ScheduleRule => ({ name, cron, isEnabled })

describe('syncRules', () => {
  it('writes what is missing or differs, removes what no job wants, and leaves the rest', async () => {
    const jobs = jobCollection(memoryItemStore())
    const [same, moved, stopped, fresh] = [
      jobNamed('same'),
      jobNamed('moved', { cron: '0 3 * * *' }),
      jobNamed('stopped', { isEnabled: false }),
      jobNamed('fresh'),
    ]
    for (const job of [same, moved, stopped, fresh]) await jobs.create(job)
    const { port, told } = toldRules([
      ruleOf(same),
      { ...ruleOf(moved), cron: '0 2 * * *' },
      { ...ruleOf(stopped), isEnabled: true },
      ruleOf(jobNamed('gone')),
    ])
    await syncRules({ jobs, rules: port })()
    expect(told.slice(0, 1)).toEqual(['remove gone'])
    expect(told.slice(1).toSorted()).toEqual(['put fresh', 'put moved', 'put stopped'])
    expect((await port.list()).find(({ name }) => name === 'moved')?.cron).toBe('0 3 * * *')
    await syncRules({ jobs, rules: port })()
    expect(told).toHaveLength(4)
    await jobs.remove(catalogKeys.job('same'))
    await syncRules({ jobs, rules: port })()
    expect(told.at(-1)).toBe('remove same')
  })

  it('keeps the rule of a job that is made meanwhile', async () => {
    const jobs = jobCollection(memoryItemStore())
    const fresh = jobNamed('fresh')
    const { port, told } = toldRules([])
    let isMade = false
    const makeOnce = async () => {
      if (isMade) return
      isMade = true
      await jobs.create(fresh)
      await port.put(ruleOf(fresh))
    }
    const list = async () => {
      const rules = await port.list()
      await makeOnce()
      return rules
    }
    const all = async function* (query: Parameters<typeof jobs.all>[0]) {
      yield* jobs.all(query)
      await makeOnce()
    }
    await syncRules({ jobs: { all }, rules: { ...port, list } })()
    expect(told).not.toContain('remove fresh')
    expect(await port.list()).toEqual([ruleOf(fresh)])
  })

  it('changes what is there also when there is no room for one that is new, and says so', async () => {
    const jobs = jobCollection(memoryItemStore())
    const [fresh, moved] = [jobNamed('fresh'), jobNamed('moved', { cron: '0 3 * * *' })]
    for (const job of [fresh, moved]) await jobs.create(job)
    const { port } = toldRules([{ ...ruleOf(moved), cron: '0 2 * * *' }])
    const put = async (rule: ScheduleRule) => {
      if (rule.name === 'fresh') throw new ScheduleError('too-many-rules', 'no room')
      await port.put(rule)
    }
    const syncing = syncRules({ jobs, rules: { ...port, put } })()
    await expect(syncing).rejects.toMatchObject({ code: 'too-many-rules' })
    expect(await port.list()).toEqual([ruleOf(moved)])
  })
})

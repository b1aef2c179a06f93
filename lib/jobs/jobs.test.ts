import { describe, expect, it } from 'vitest'
import { labelsOf, RecurringJob } from './recurring-job.ts'
import { beyondRetention } from './retention.ts'
import { takesPart } from './taking-part.ts'

const job: RecurringJob = {
  name: 'daily',
  task: 'backup',
  cron: '0 2 * * *',
  retain: 2,
  labels: { team: 'shop' },
  groups: ['databases'],
  isEnabled: true,
}

describe('a recurring job', () => {
  it('is taken as it is', () => {
    expect(RecurringJob.parse(job)).toEqual(job)
    expect(labelsOf(job)).toEqual({ team: 'shop', RecurringJob: 'daily' })
  })

  it.each([
    ['name', { name: 'Daily' }],
    ['name', { name: 'x'.repeat(41) }],
    ['task', { task: 'format' }],
    ['cron', { cron: '61 * * * *' }],
    ['cron', { cron: '0 0 31 2 *' }],
    ['retain', { retain: 0 }],
    ['retain', { retain: 101 }],
    ['retain', { retain: 1.5 }],
    ['groups', { groups: ['no spaces'] }],
  ])('with a wrong %s is refused, with the field named', (field, wrong) => {
    const { error } = RecurringJob.safeParse({ ...job, ...wrong })
    expect(error?.issues.map(({ path }) => path[0])).toEqual([field])
  })

  it.each([
    [{ jobs: ['daily'], groups: [] }, true],
    [{ jobs: [], groups: ['databases'] }, true],
    [{ jobs: ['hourly'], groups: ['web'] }, false],
    [{ jobs: [], groups: [] }, false],
  ])('takes volumes by name or group: %j', (volume, expected) => {
    expect(takesPart(job, volume)).toBe(expected)
  })

  it('of the default group takes volumes that name nothing', () => {
    const byDefault = { ...job, groups: ['default'] }
    expect(takesPart(byDefault, { jobs: [], groups: [] })).toBe(true)
    expect(takesPart(byDefault, { jobs: ['hourly'], groups: [] })).toBe(false)
    expect(takesPart(byDefault, { jobs: ['hourly'], groups: ['default'] })).toBe(true)
  })
})

describe('retention', () => {
  const item = (name: string, createdAt: string, of = 'daily') => ({
    name,
    createdAt,
    labels: { RecurringJob: of },
  })

  it("keeps the newest of a job's, and all that others made", () => {
    const items = [
      item('b1', '2026-01-01T00:00:00Z'),
      item('b3', '2026-01-03T00:00:00Z'),
      item('b2', '2026-01-02T00:00:00+01:00'),
      item('other', '2025-01-01T00:00:00Z', 'weekly'),
      { name: 'mine', createdAt: '2024-01-01T00:00:00Z', labels: {} },
    ]
    expect(beyondRetention(items, { job: 'daily', retain: 2 }).map(({ name }) => name)).toEqual(['b1'])
    expect(beyondRetention(items, { job: 'daily', retain: 3 })).toEqual([])
    expect(beyondRetention([], { job: 'daily', retain: 1 })).toEqual([])
  })

  it('decides the same in whatever order they come, also within a second', () => {
    const items = ['a', 'b', 'c'].map((name) => item(name, '2026-01-01T00:00:00Z'))
    const expected = ['b', 'a']
    for (const order of [items, items.toReversed()])
      expect(beyondRetention(order, { job: 'daily', retain: 1 }).map(({ name }) => name)).toEqual(expected)
  })
})

/**
 * @module schedule-rules.contract: what all schedule rules do. Each adapter's test runs it.
 */
import { beforeEach, describe, expect, it } from 'vitest'
import type { ScheduleRule, ScheduleRules } from './schedule-rules.ts'

export interface ScheduleRulesUnderTest {
  /** With none in them. */
  open(): Promise<ScheduleRules>
}

const ruleNamed = (name: string, more: Partial<ScheduleRule> = {}): ScheduleRule => ({
  name,
  cron: '30 2 * * *',
  isEnabled: true,
  ...more,
})

export const scheduleRulesContract = (name: string, { open }: ScheduleRulesUnderTest): void => {
  describe(`${name} as schedule rules`, () => {
    let rules: ScheduleRules
    beforeEach(async () => {
      rules = await open()
    })
    const all = async () => (await rules.list()).toSorted((a, b) => (a.name < b.name ? -1 : 1))

    it('are none at first, and none there can be removed', async () => {
      expect(await rules.list()).toEqual([])
      await rules.remove('daily')
      expect(await rules.list()).toEqual([])
    })

    it('are put, changed, switched off and on, and removed', async () => {
      const [daily, hourly] = [ruleNamed('daily'), ruleNamed('hourly', { cron: '0 * * * *' })]
      await rules.put(daily)
      await rules.put(hourly)
      expect(await all()).toEqual([daily, hourly])
      const later = { ...daily, cron: '30 3 * * *' }
      await rules.put(later)
      expect(await all()).toEqual([later, hourly])
      await rules.put({ ...later, isEnabled: false })
      expect(await all()).toEqual([{ ...later, isEnabled: false }, hourly])
      await rules.put(later)
      expect(await all()).toEqual([later, hourly])
      await rules.remove('daily')
      await rules.remove('daily')
      expect(await all()).toEqual([hourly])
      await rules.put(daily)
      expect(await all()).toEqual([daily, hourly])
    })

    it('are the same when they are put again, also at once', async () => {
      const daily = ruleNamed('daily')
      await rules.put(daily)
      await Promise.all([rules.put(daily), rules.put(daily), rules.put(daily)])
      expect(await all()).toEqual([daily])
    })

    it('are all there when many are put at once', async () => {
      const many = Array.from({ length: 20 }, (_, index) =>
        ruleNamed(`job-${String(index).padStart(2, '0')}`),
      )
      await Promise.all(many.map((rule) => rules.put(rule)))
      expect(await all()).toEqual(many)
    })

    it.each(['@daily', '*/15 6-18 * * mon-FRI', '0 0 1,15 * 5', ' 0  0 ? * 7 ', '5/20 1 29 feb *'])(
      'keep %j as it was written',
      async (cron) => {
        await rules.put(ruleNamed('daily', { cron }))
        expect(await all()).toEqual([ruleNamed('daily', { cron })])
      },
    )

    it.each([
      ['soon', 'invalid-cron'],
      ['* * * *', 'invalid-cron'],
      ['60 * * * *', 'invalid-cron'],
      ['* * * * 5#2', 'invalid-cron'],
      [`0${',0'.repeat(200)} * * * *`, 'invalid-cron'],
      ['0 0 31 2 *', 'never-due'],
    ])('refuse %j, and stay as they were', async (cron, code) => {
      await expect(rules.put(ruleNamed('new', { cron }))).rejects.toMatchObject({ code })
      await rules.put(ruleNamed('daily'))
      await expect(rules.put(ruleNamed('daily', { cron }))).rejects.toMatchObject({ code })
      expect(await all()).toEqual([ruleNamed('daily')])
    })

    it('take the names that jobs have, and tell apart those that begin alike', async () => {
      const longest = 'long'.repeat(10)
      const names = ['a', 'daily', 'daily-2', 'daily.2', '0.x-y', longest, `${longest.slice(0, 39)}h`]
      const named = names.map((each) => ruleNamed(each)).toSorted((a, b) => (a.name < b.name ? -1 : 1))
      for (const rule of named) await rules.put(rule)
      expect(await all()).toEqual(named)
      await rules.remove(longest)
      await rules.remove('daily')
      expect(await all()).toEqual(named.filter(({ name: each }) => each !== longest && each !== 'daily'))
    })
  })
}

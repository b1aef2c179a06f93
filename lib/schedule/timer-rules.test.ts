import { describe, expect, it } from 'vitest'
import { silentLog } from '#lib/base/log.ts'
import type { Tick } from './schedule-rules.ts'
import { scheduleRulesContract } from './schedule-rules.contract.ts'
import { timerRules } from './timer-rules.ts'

const minuteMs = 60_000

/** Sleeps end when `pass` has passed them. */
const handClock = (start: string) => {
  let nowMs = Date.parse(start)
  const sleepers = new Set<{ untilMs: number; wake: () => void }>()
  return {
    now: () => new Date(nowMs),
    sleep: (ms: number, signal?: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        const sleeper = { untilMs: nowMs + ms, wake: resolve }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', () => reject(signal.reason))
      }),
    /** Sleeps last as long as they would have. */
    putBack: (ms: number) => {
      nowMs -= ms
      for (const sleeper of sleepers) sleeper.untilMs -= ms
    },
    pass: async (ms: number) => {
      nowMs += ms
      for (const sleeper of sleepers) {
        if (sleeper.untilMs > nowMs) continue
        sleepers.delete(sleeper)
        sleeper.wake()
      }
      for (let turn = 0; turn < 20; turn++) await Promise.resolve()
    },
  }
}

const begin = (start = '2026-01-01T00:00:20Z') => {
  const clock = handClock(start)
  const ticks: string[] = []
  const onTick = async ({ rule, minute }: Tick) => {
    ticks.push(`${rule} ${minute.slice(11, 16)}`)
    if (rule === 'broken') throw new Error('broken')
  }
  const rules = timerRules({ clock, log: silentLog, onTick })
  return { clock, ticks, rules }
}

scheduleRulesContract('timers', { open: async () => begin().rules })

describe('timers', () => {
  it('tick in the minutes that are due, once each', async () => {
    const { clock, ticks, rules } = begin()
    await rules.put({ name: 'often', cron: '*/2 * * * *', isEnabled: true })
    await rules.put({ name: 'off', cron: '* * * * *', isEnabled: false })
    const { stop } = rules.start()
    for (let second = 0; second < 300; second += 10) await clock.pass(10_000)
    expect(ticks).toEqual(['often 00:02', 'often 00:04'])
    await stop()
    await clock.pass(10 * minuteMs)
    expect(ticks).toHaveLength(2)
  })

  it('follow changes of the rules', async () => {
    const { clock, ticks, rules } = begin()
    await rules.put({ name: 'job', cron: '1 * * * *', isEnabled: true })
    const { stop } = rules.start()
    await rules.put({ name: 'job', cron: '2 * * * *', isEnabled: true })
    await clock.pass(minuteMs)
    await clock.pass(minuteMs)
    await rules.remove('job')
    await rules.remove('job')
    await clock.pass(60 * minuteMs)
    expect(ticks).toEqual(['job 00:02'])
    expect(await rules.list()).toEqual([])
    await stop()
  })

  it('tick once, for the last of the minutes that were missed', async () => {
    const { clock, ticks, rules } = begin()
    await rules.put({ name: 'quarter', cron: '*/15 * * * *', isEnabled: true })
    await rules.put({ name: 'noon', cron: '0 12 * * *', isEnabled: true })
    const { stop } = rules.start()
    await clock.pass(50 * minuteMs)
    expect(ticks).toEqual(['quarter 00:45'])
    await stop()
  })

  it('go on at once when the clock is put back', async () => {
    const { clock, ticks, rules } = begin('2026-01-02T12:00:20Z')
    await rules.put({ name: 'often', cron: '*/2 * * * *', isEnabled: true })
    const { stop } = rules.start()
    clock.putBack(24 * 60 * minuteMs)
    for (let second = 0; second < 300; second += 10) await clock.pass(10_000)
    expect(ticks).toEqual(['often 12:02', 'often 12:04'])
    await stop()
  })

  it('go on when one fails', async () => {
    const { clock, ticks, rules } = begin()
    await rules.put({ name: 'broken', cron: '* * * * *', isEnabled: true })
    await rules.put({ name: 'well', cron: '* * * * *', isEnabled: true })
    const { stop } = rules.start()
    await clock.pass(minuteMs)
    await clock.pass(minuteMs)
    expect(ticks).toEqual(['broken 00:01', 'well 00:01', 'broken 00:02', 'well 00:02'])
    await stop()
  })
})

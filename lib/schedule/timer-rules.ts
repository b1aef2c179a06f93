/**
 * @module timer-rules: rules in process, looked at each minute.
 *
 * It does not make up for minutes in which no process ran, as EventBridge would not either. After a minute that was missed in
 * between (a machine that slept, a busy process) a rule that was due then ticks once, for the last of them.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { parseCron, type CronExpression } from './cron-expression.ts'
import type { ScheduleRule, ScheduleRules, Tick } from './schedule-rules.ts'

export interface TimerRulesDeps {
  clock: Clock
  log: Log
  onTick: (tick: Tick) => Promise<void>
}

export interface TimerRules extends ScheduleRules {
  /** Ticks until `stop`, which waits for what a tick has begun. */
  start(): { stop(): Promise<void> }
}

const minuteMs = 60_000
/** How far back a missed minute is looked for. */
const longestSleepMinutes = 24 * 60

const minuteOf = (time: number): number => Math.floor(time / minuteMs)

/** The last minute after `after`, up to `now`, in which it was due. */
const lastDue = (cron: CronExpression, after: number, now: number): number | undefined => {
  const first = Math.max(after + 1, now - longestSleepMinutes)
  for (let minute = now; minute >= first; minute--) if (cron.isDue(new Date(minute * minuteMs))) return minute
  return undefined
}

export const timerRules = ({ clock, log, onTick }: TimerRulesDeps): TimerRules => {
  const rules = new Map<string, { rule: ScheduleRule; cron: CronExpression }>()
  const now = () => clock.now().getTime()

  const tickAll = async (after: number, minute: number): Promise<void> => {
    await Promise.all(
      [...rules.values()].map(async ({ rule, cron }) => {
        const due = rule.isEnabled ? lastDue(cron, after, minute) : undefined
        if (due === undefined) return
        const tick = { rule: rule.name, minute: new Date(due * minuteMs).toISOString() }
        await onTick(tick).catch((error: unknown) => {
          log.error('tick failed', { ...tick, error: String(error) })
        })
      }),
    )
  }
  const run = async (signal: AbortSignal): Promise<void> => {
    let done = minuteOf(now())
    while (!signal.aborted) {
      await clock.sleep((done + 1) * minuteMs - now(), signal).catch(() => undefined)
      const minute = minuteOf(now())
      // The clock was put back: else nothing would be due until it is there again. A minute may tick twice then.
      done = Math.min(done, minute)
      if (signal.aborted || minute <= done) continue
      await tickAll(done, minute)
      done = minute
    }
  }
  return {
    put: async (rule) => {
      rules.set(rule.name, { rule: { ...rule }, cron: parseCron(rule.cron) })
    },
    remove: async (name) => {
      rules.delete(name)
    },
    list: async () => [...rules.values()].map(({ rule }) => ({ ...rule })),
    start: () => {
      const stopping = new AbortController()
      const running = run(stopping.signal)
      return {
        stop: async () => {
          stopping.abort()
          await running
        },
      }
    },
  }
}

/**
 * @module cron-expression: minutes at which a job is due, in UTC: five fields, as Kubernetes' CronJobs take them, which ran Longhorn's jobs.
 *
 * Names, lists, ranges, steps; if both day of month and day of week are restricted, either will do. `@daily` and its like are
 * their five fields. What other crons add (`L`, `W`, `#`, seconds, `@every`) is refused, since EventBridge means other things
 * by some of it. Source: robfig/cron ParseStandard; longhorn.md 6.2.
 */
import { Cron } from 'croner'
import { ScheduleError } from './schedule-error.ts'

export interface CronExpression {
  /** Five fields, as given but for descriptors. */
  readonly text: string
  /** Whether it is due in the minute that a moment lies in. */
  isDue(moment: Date): boolean
  /** The first minute that begins after a moment. */
  next(after: Date): Date
}

const descriptors: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
}

const hint =
  'write five fields, as in "*/15 * * * *" or "30 2 * * mon-fri": minute, hour, day of month, month, day of week; times are UTC'

const invalid = (text: string, why: string, cause?: unknown): ScheduleError =>
  new ScheduleError('invalid-cron', `cron expression ${JSON.stringify(text.slice(0, 80))}: ${why}`, {
    hint,
    ...(cause !== undefined && { cause }),
  })

/** A rule of EventBridge keeps it in its description. */
const longestText = 256

interface Field {
  name: string
  names?: readonly string[]
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

const fields: readonly Field[] = [
  { name: 'minute' },
  { name: 'hour' },
  { name: 'day of month' },
  { name: 'month', names: months },
  { name: 'day of week', names: weekdays },
]

/** Only what all crons mean the same by; ranges of values are checked by croner. */
const fieldPattern = ({ names = [] }: Field): RegExp => {
  const value = ['\\d{1,2}', ...names].join('|')
  const part = `(?:\\*|(?:${value})(?:-(?:${value}))?)(?:/\\d{1,2})?`
  return new RegExp(`^${part}(?:,${part})*$`, 'i')
}

const patterns = fields.map(fieldPattern)

const fieldsOf = (text: string): string[] => {
  const found = (descriptors[text.toLowerCase()] ?? text).trim().split(/\s+/)
  if (found.length !== fields.length) throw invalid(text, `it has ${found.length} fields instead of five`)
  return found.map((field, position) => {
    // As Quartz and EventBridge write "any".
    const value = field === '?' ? '*' : field
    if (patterns[position]?.test(value)) return value
    throw invalid(text, `${JSON.stringify(value)} is no ${fields[position]?.name ?? 'field'}`)
  })
}

const cronOf = (text: string, five: string): Cron => {
  try {
    return new Cron(five, { timezone: 'UTC', mode: '5-part', sloppyRanges: true })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    // Croner's own names of its parts are nobody's who writes a job.
    throw invalid(text, why.replace(/^Cron[A-Za-z]+: /, ''), cause)
  }
}

const minuteMs = 60_000

/** @throws ScheduleError `invalid-cron`, `never-due`. */
export const parseCron = (text: string): CronExpression => {
  if (text.length > longestText) throw invalid(text, `it is longer than ${longestText} characters`)
  const five = fieldsOf(text).join(' ')
  const cron = cronOf(text, five)
  const next = (after: Date): Date => {
    const found = cron.nextRun(after)
    if (found) return found
    throw new ScheduleError('never-due', `cron expression ${JSON.stringify(text)} is never due`, {
      hint: 'it names a day that no month has',
    })
  }
  next(new Date(0))
  return {
    text: five,
    next,
    isDue: (moment) => {
      const minute = Math.floor(moment.getTime() / minuteMs) * minuteMs
      return cron.nextRun(new Date(minute - 1))?.getTime() === minute
    },
  }
}

/**
 * @module eventbridge-cron: a cron expression of five fields as EventBridge writes it: `cron(minute hour day month weekday year)`.
 *
 * It fires at least when the five fields are due; whoever is woken asks them again (lib/jobs/run-recurring-job.ts). It fires more
 * often in one case alone: where both day fields are restricted, either will do in five fields, and EventBridge takes but one of
 * them. Then it fires each day of the months named: `0 0 13 * 5` wakes a function 30 times a month, 5 of them for a run.
 *
 * Each field is written as the values it has, in lists of ranges, which all crons mean the same by. The longest of all such
 * expressions has 240 characters, so that none goes beyond the 256 that PutRule takes.
 * Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
 */
import { parseCron, type CronExpression } from './cron-expression.ts'

interface Field {
  least: number
  most: number
  /** A moment with this value, in which a cron expression is due that restricts no other field. */
  momentOf: (value: number) => number
  /** From cron's numbers to EventBridge's. */
  offset: number
}

/** A Sunday, and a month of 31 days. */
const [year, january] = [2023, 0]

const fields = {
  minute: { least: 0, most: 59, offset: 0, momentOf: (value) => Date.UTC(year, january, 1, 0, value) },
  hour: { least: 0, most: 23, offset: 0, momentOf: (value) => Date.UTC(year, january, 1, value) },
  day: { least: 1, most: 31, offset: 0, momentOf: (value) => Date.UTC(year, january, value) },
  month: { least: 1, most: 12, offset: 0, momentOf: (value) => Date.UTC(year, value - 1, 1) },
  // EventBridge's Sunday is 1.
  weekday: { least: 0, most: 6, offset: 1, momentOf: (value) => Date.UTC(year, january, 1 + value) },
} satisfies Record<string, Field>

type FieldName = keyof typeof fields
const order = Object.keys(fields)

/** What the parser takes the field for, so that there is no second one to differ from it. */
const valuesOf = (name: FieldName, text: string): number[] => {
  const { least, most, momentOf } = fields[name]
  const alone = parseCron(order.map((each) => (each === name ? text : '*')).join(' '))
  const range = Array.from({ length: most - least + 1 }, (_, index) => least + index)
  return range.filter((value) => alone.isDue(new Date(momentOf(value))))
}

const rangesOf = (values: readonly number[]): string => {
  const ranges: [number, number][] = []
  for (const value of values) {
    const last = ranges.at(-1)
    if (last?.[1] === value - 1) last[1] = value
    else ranges.push([value, value])
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}

const written = (name: FieldName, text: string): string => {
  const { least, most, offset } = fields[name]
  const values = valuesOf(name, text).map((value) => value + offset)
  return values.length === most - least + 1 ? '*' : rangesOf(values)
}

/** EventBridge wants one of the two to be `?`. */
const daysOf = (day: string, weekday: string): [day: string, weekday: string] => {
  if (weekday === '*') return [written('day', day), '?']
  return day === '*' ? ['?', written('weekday', weekday)] : ['*', '?']
}

export const eventBridgeCron = ({ text }: CronExpression): string => {
  const [minute = '*', hour = '*', day = '*', month = '*', weekday = '*'] = text.split(' ')
  const [awsDay, awsWeekday] = daysOf(day, weekday)
  return `cron(${written('minute', minute)} ${written('hour', hour)} ${awsDay} ${written('month', month)} ${awsWeekday} *)`
}

import { Cron } from 'croner'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCron } from './cron-expression.ts'
import { eventBridgeCron } from './eventbridge-cron.ts'

const fieldPattern = /^(\*|\?|\d+(-\d+)?(,\d+(-\d+)?)*)$/

/** When EventBridge fires: croner, told what EventBridge writes otherwise. */
const firesAt = (expression: string): ((after: number) => number | undefined) => {
  const inside = /^cron\((.*)\)$/.exec(expression)?.[1] ?? ''
  const [minute, hour, day, month, weekday = '', year] = inside.split(' ')
  for (const field of [minute, hour, day, month, weekday]) expect(field).toMatch(fieldPattern)
  expect([day, weekday].filter((field) => field === '?')).toHaveLength(1)
  expect(year).toBe('*')
  const days = weekday.replaceAll(/\d/g, (number) => String(Number(number) - 1))
  const croners = ['0', minute, hour, day, month, days].join(' ').replaceAll('?', '*')
  const cron = new Cron(croners, { timezone: 'UTC', mode: '6-part' })
  return (after) => cron.nextRun(new Date(after))?.getTime()
}

const field = (least: number, most: number, names: readonly string[] = []): fc.Arbitrary<string> => {
  const value = fc.integer({ min: least, max: most })
  const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`)
  const step = fc.integer({ min: 1, max: Math.min(30, most - least) })
  const part = fc.oneof(
    value.map(String),
    range,
    fc.tuple(fc.oneof(fc.constant('*'), value.map(String), range), step).map(([a, n]) => `${a}/${n}`),
    fc.constantFrom('*', `${least}-${most}`, ...names),
  )
  const list = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(','))
  return fc.oneof({ weight: 2, arbitrary: fc.constantFrom('*', '?') }, { weight: 3, arbitrary: list })
}

const expression = fc
  .tuple(
    field(0, 59),
    field(0, 23),
    field(1, 31),
    field(1, 12, ['jan', 'FEB-apr']),
    field(0, 7, ['mon-fri', 'SUN', 'fri-7']),
  )
  .map((fields) => fields.join(' '))

const begin = fc.oneof(
  fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2040, 0, 1) }),
  fc
    .constantFrom('2028-02-28T23:00Z', '2032-02-29T00:00Z', '2027-02-28T23:50Z', '2026-12-31T23:58Z')
    .map(Date.parse),
)

const parsed = (text: string) => {
  try {
    return parseCron(text)
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^(invalid-cron|never-due)$/) })
    return undefined
  }
}

const yearMs = 366 * 86_400_000

/** At most so many minutes from `after` on, within the year. */
const minutesFrom = (next: (after: number) => number | undefined, after: number, most: number): number[] => {
  const found: number[] = []
  let at = next(after)
  while (at !== undefined && at - after < yearMs && found.length < most) {
    found.push(at)
    at = next(at)
  }
  return found
}

/** Where both day fields are restricted, it fires more often. */
const isWidened = (text: string): boolean => {
  const [, , day, , weekday] = text.split(' ')
  return day !== '*' && weekday !== '*'
}

const judged = (text: string, after: number, most: number): 'exact' | 'wider' | 'refused' => {
  const cron = parsed(text)
  if (!cron) return 'refused'
  const aws = eventBridgeCron(cron)
  expect(aws.length).toBeLessThanOrEqual(256)
  const fires = firesAt(aws)
  const due = minutesFrom((from) => cron.next(new Date(from)).getTime(), after, most)
  if (isWidened(cron.text)) {
    expect([aws, due.filter((at) => fires(at - 1) !== at)]).toEqual([aws, []])
    return 'wider'
  }
  expect([aws, minutesFrom(fires, after, most)]).toEqual([aws, due])
  return 'exact'
}

describe("EventBridge's cron", () => {
  it('fires at least when five fields are due, and only then where it says so', () => {
    const seen = { exact: 0, wider: 0, refused: 0 }
    fc.assert(
      fc.property(expression, begin, (text, after) => {
        seen[judged(text, after, 40)]++
      }),
      { numRuns: 300 },
    )
    expect(Math.min(seen.exact, seen.wider)).toBeGreaterThan(25)
  })

  it.each([
    '0 0 29 2 *',
    '0 12 31 * *',
    '*/30 3 * * mon-fri',
    '15 4,16 */2 jan,jul *',
    '0 0 13 * 5',
    '0 0 29 feb sun',
    '@weekly',
  ])('of %s is right in each minute of 2028, a leap year, and of the year after', (text) => {
    judged(text, Date.UTC(2028, 0, 1) - 1, 1000)
    judged(text, Date.UTC(2029, 0, 1) - 1, 1000)
  })

  it.each([
    ['* * * * *', 'cron(* * * * ? *)'],
    ['@daily', 'cron(0 0 * * ? *)'],
    ['*/15 * * * *', 'cron(0,15,30,45 * * * ? *)'],
    ['0-29,45 6-18/6 * * *', 'cron(0-29,45 6,12,18 * * ? *)'],
    ['30 2 * * mon-fri', 'cron(30 2 ? * 2-6 *)'],
    ['30 2 * * 5-7', 'cron(30 2 ? * 1,6-7 *)'],
    ['0 0 ? * 0-6', 'cron(0 0 ? * * *)'],
    ['0 0 1 jan-mar,12 *', 'cron(0 0 1 1-3,12 ? *)'],
    ['0 0 13 * 5', 'cron(0 0 * * ? *)'],
    ['0 0 13 feb 5', 'cron(0 0 * 2 ? *)'],
    ['0 0 1-31 * 5', 'cron(0 0 * * ? *)'],
  ])('of %s is %s', (text, aws) => {
    expect(eventBridgeCron(parseCron(text))).toBe(aws)
  })

  // Found by trying all lists of ranges, field by field, with dynamic programming.
  it('of the longest expression there is has 240 characters, of 256', () => {
    const pairs = (...starts: number[]) => starts.map((start) => `${start}-${start + 1}`).join(',')
    const thirds = (from: number, to: number) =>
      Array.from({ length: Math.floor((to - from) / 3) + 1 }, (_, index) => from + 3 * index)
    const [minutes, hours] = [pairs(...thirds(1, 58)), pairs(...thirds(1, 22))]
    const [days, months] = [`1,${pairs(...thirds(3, 30))}`, pairs(...thirds(2, 11))]
    const aws = eventBridgeCron(parseCron(`${minutes} ${hours} ${days} ${months} *`))
    expect(aws).toBe(`cron(${minutes} ${hours} ${days} ${months} ? *)`)
    expect(aws).toHaveLength(240)
  })
})

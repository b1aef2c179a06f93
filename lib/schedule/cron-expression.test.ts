import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCron } from './cron-expression.ts'

/** Written apart from the parser: what each part of a field allows. */
interface Part {
  text: string
  allows: (value: number) => boolean
}

const field = (least: number, most: number): fc.Arbitrary<Part & { isAny: boolean }> => {
  const value = fc.integer({ min: least, max: most })
  // A step beyond the field is refused: it would be a mistake.
  const step = fc.integer({ min: 2, max: Math.min(20, most - least) })
  const part = fc.oneof(
    value.map((a): Part => ({ text: `${a}`, allows: (v) => v === a })),
    fc.tuple(value, value).map(([a, b]): Part => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)]
      return { text: `${low}-${high}`, allows: (v) => v >= low && v <= high }
    }),
    step.map((n): Part => ({ text: `*/${n}`, allows: (v) => (v - least) % n === 0 })),
    fc
      .tuple(value, step)
      .map(([a, n]): Part => ({ text: `${a}/${n}`, allows: (v) => v >= a && (v - a) % n === 0 })),
    fc.tuple(value, value, step).map(([a, b, n]): Part => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)]
      return { text: `${low}-${high}/${n}`, allows: (v) => v >= low && v <= high && (v - low) % n === 0 }
    }),
  )
  const list = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => ({
    text: parts.map(({ text }) => text).join(','),
    allows: (v: number) => parts.some(({ allows }) => allows(v)),
    isAny: false,
  }))
  return fc.oneof(fc.constant({ text: '*', allows: () => true, isAny: true }), list)
}

const expression = fc.tuple(field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 6))

const moment = fc
  .date({ min: new Date('2020-01-01T00:00:00Z'), max: new Date('2040-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => new Date(Math.floor(date.getTime() / 1000) * 1000))

describe('a cron expression', () => {
  it('is due in the minutes that its fields name', () => {
    fc.assert(
      fc.property(expression, moment, ([minute, hour, day, month, weekday], at) => {
        const text = [minute, hour, day, month, weekday].map((each) => each.text).join(' ')
        const [isDay, isWeekday] = [day.allows(at.getUTCDate()), weekday.allows(at.getUTCDay())]
        const isThatDay = day.isAny || weekday.isAny ? isDay && isWeekday : isDay || isWeekday
        const isExpected =
          minute.allows(at.getUTCMinutes()) &&
          hour.allows(at.getUTCHours()) &&
          month.allows(at.getUTCMonth() + 1) &&
          isThatDay
        let cron
        try {
          cron = parseCron(text)
        } catch (error) {
          expect(error).toMatchObject({ code: 'never-due' })
          expect(isExpected).toBe(false)
          return
        }
        expect([text, cron.isDue(at)]).toEqual([text, isExpected])
      }),
      { numRuns: 3000 },
    )
  })

  it.each([
    ['*/15 * * * *', '2026-01-01T00:07:30Z', '2026-01-01T00:15:00Z'],
    ['0 0 * * *', '2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'],
    ['30 2 * * MON-fri', '2026-01-02T03:00:00Z', '2026-01-05T02:30:00Z'],
    ['0 0 29 feb *', '2026-01-01T00:00:00Z', '2028-02-29T00:00:00Z'],
    ['0 0 13 * 5', '2026-02-01T00:00:00Z', '2026-02-06T00:00:00Z'],
    ['0 12 ? * 7', '2026-01-01T00:00:00Z', '2026-01-04T12:00:00Z'],
    ['5/20 1 * * *', '2026-01-01T01:06:00Z', '2026-01-01T01:25:00Z'],
    ['@daily', '2026-01-01T13:00:00Z', '2026-01-02T00:00:00Z'],
    ['  0   6  *  *  sun ', '2026-01-01T00:00:00Z', '2026-01-04T06:00:00Z'],
  ])('%s after %s is next due at %s', (text, after, expected) => {
    expect(parseCron(text).next(new Date(after)).toISOString()).toBe(expected.replace('Z', '.000Z'))
  })

  it.each([
    ['', 'fields'],
    ['* * * *', '4 fields'],
    ['* * * * * *', '6 fields'],
    ['60 * * * *', 'minute'],
    ['* 24 * * *', 'hour'],
    ['* * 0 * *', 'day'],
    ['* * 32 * *', 'day'],
    ['* * * 13 *', 'month'],
    ['* * * * 8', 'day'],
    ['* * L * *', 'day of month'],
    ['* * * * 5#2', 'day of week'],
    ['* * 15W * *', 'day of month'],
    ['*/0 * * * *', ''],
    ['5-1 * * * *', ''],
    ['a * * * *', 'minute'],
    ['* * * mon *', 'month'],
    ['1,,2 * * * *', 'minute'],
    ['-1 * * * *', 'minute'],
    ['@every 1h', 'fields'],
    ['@reboot', 'fields'],
  ])('%s is refused, with the field named', (text, what) => {
    expect(() => parseCron(text)).toThrowError(expect.objectContaining({ code: 'invalid-cron' }))
    expect(() => parseCron(text)).toThrow(what)
  })

  it('of a day that no month has is refused', () => {
    expect(() => parseCron('0 0 31 2 *')).toThrowError(expect.objectContaining({ code: 'never-due' }))
    expect(() => parseCron('0 0 30 feb *')).toThrow('never due')
  })
})

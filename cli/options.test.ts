import { describe, expect, it } from 'vitest'
import { parseDuration, parseName, parseNotEmpty } from './options.ts'

describe('options', () => {
  it.each([
    ['250ms', 250],
    ['0s', 0],
    ['90s', 90_000],
    ['15m', 900_000],
    ['2h', 7_200_000],
  ])('reads the duration %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each(['', '15', 'm', '-1s', '1.5h', '1d', '15 m', '1h30m', '9999999s'])(
    'refuses the duration %j',
    (text) => {
      expect(() => parseDuration(text)).toThrow('Write it as')
    },
  )

  it.each(['', 'a', '../x', 'a/b', '.hidden', 'a b'])('refuses the name %j', (text) => {
    expect(() => parseName(text)).toThrow('A name has')
  })

  it('takes text that is not blank as it is', () => {
    expect(parseNotEmpty(' fast ')).toBe(' fast ')
    expect(() => parseNotEmpty(' ')).toThrow('empty')
  })
})

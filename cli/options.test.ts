import { describe, expect, it } from 'vitest'
import { parseDuration, parseName, parseNotEmpty, parsePercentage, parseSize } from './options.ts'

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

  it.each([
    ['20Gi', 20 * 1024 ** 3],
    ['1.5Gi', 1536 * 1024 ** 2],
    ['2097152', 2_097_152],
    ['1G', 1_000_000_000],
  ])('reads the size %s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })

  it.each(['', '0', '-1Gi', '20GiB', '20 Gi', '100m', '9Ei', 'all'])('refuses the size %j', (text) => {
    expect(() => parseSize(text)).toThrow('Write it as')
  })

  it('reads percentages within bounds', () => {
    expect(parsePercentage(0, 99)('0')).toBe(0)
    for (const text of ['100', '-1', '1.5', '', '10 %'])
      expect(() => parsePercentage(0, 99)(text)).toThrow('from 0 to 99')
  })

  it('takes text that is not blank as it is', () => {
    expect(parseNotEmpty(' fast ')).toBe(' fast ')
    expect(() => parseNotEmpty(' ')).toThrow('empty')
  })
})

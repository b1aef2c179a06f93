import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeQuery, encodeQuery, type QueryEntry } from './go-query.ts'

describe('encodeQuery', () => {
  it('sorts by key and keeps the order of one key', () => {
    const entries: QueryEntry[] = [
      ['volume', 'v'],
      ['backup', '2'],
      ['backup', '1'],
    ]
    expect(encodeQuery(entries)).toBe('backup=2&backup=1&volume=v')
  })

  // As url.QueryEscape of Go 1.26 answers.
  it.each([
    ['a b', 'a+b'],
    ['a+b', 'a%2Bb'],
    ["!'()*", '%21%27%28%29%2A'],
    ['-_.~', '-_.~'],
    ['/?&=#%', '%2F%3F%26%3D%23%25'],
    ['ü', '%C3%BC'],
  ])('escapes %j as %s', (text, escaped) => {
    expect(encodeQuery([['k', text]])).toBe(`k=${escaped}`)
  })
})

describe('decodeQuery', () => {
  it.each<[string, QueryEntry[]]>([
    ['', []],
    [
      'a=1&&b',
      [
        ['a', '1'],
        ['b', ''],
      ],
    ],
    ['a=b=c', [['a', 'b=c']]],
    ['a+b=%2B', [['a b', '+']]],
  ])('reads %j', (query, entries) => {
    expect(decodeQuery(query)).toEqual(entries)
  })

  it('reads what encodeQuery writes', () => {
    const text = fc.string({ unit: 'grapheme' })
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(text, text), { selector: ([key]) => key }), (entries) => {
        expect(new Map(decodeQuery(encodeQuery(entries)))).toEqual(new Map(entries))
      }),
    )
  })
})

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { goMap, goQuotedInt, goQuotedString, goString, goStruct } from './go-json.ts'

// Each right side is what Go 1.26's json.Marshal wrote.
describe('goString', () => {
  it.each([
    ['', '""'],
    ['a"b\\c/d', '"a\\"b\\\\c/d"'],
    ['<>&\u2028\u2029', '"\\u003c\\u003e\\u0026\\u2028\\u2029"'],
    ['\b\f\n\r\t', '"\\b\\f\\n\\r\\t"'],
    ['\u0000\u001f\u007f', '"\\u0000\\u001f\u007f"'],
    ['é\ufeff\u{1f600}', '"é\ufeff\u{1f600}"'],
  ])('writes %j as Go does', (text, encoded) => {
    expect(goString(text)).toBe(encoded)
  })

  it('writes unpaired surrogates as U+FFFD', () => {
    expect(goString('a\ud800b\udc00')).toBe('"a\ufffdb\ufffd"')
  })

  it('writes what JSON.parse reads back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(JSON.parse(goString(text))).toBe(text)
        expect(JSON.parse(String(JSON.parse(goQuotedString(text))))).toBe(text)
      }),
    )
  })
})

describe('goQuotedString', () => {
  it('encodes twice, escapes of < and > too', () => {
    expect(goQuotedString('a<b"c')).toBe('"\\"a\\\\u003cb\\\\\\"c\\""')
    expect(goQuotedString('')).toBe('"\\"\\""')
  })
})

describe('goMap', () => {
  it('sorts keys by their UTF-8 bytes, which is not the order of UTF-16', () => {
    expect(goMap({ '\u{1f600}': '3', '\uffee': '4', z: '1', é: '2', Z: '0' })).toBe(
      '{"Z":"0","z":"1","é":"2","\uffee":"4","\u{1f600}":"3"}',
    )
  })

  it('knows null from empty', () => {
    expect(goMap(null)).toBe('null')
    expect(goMap({})).toBe('{}')
  })

  it('writes keys that mean something to JavaScript', () => {
    expect(goMap(Object.fromEntries([['__proto__', 'x']]))).toBe('{"__proto__":"x"}')
  })
})

describe('goStruct', () => {
  it('keeps the order of the fields', () => {
    expect(goStruct({ Size: goQuotedInt(5), Name: goString('a') })).toBe('{"Size":"5","Name":"a"}')
  })
})

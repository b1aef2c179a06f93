import { describe, expect, it } from 'vitest'
import { BackupstoreError } from './backupstore-error.ts'
import { goJsonDecoder } from './go-json-decoder.ts'
import {
  booleanTarget,
  intTarget,
  mapTarget,
  quotedIntTarget,
  quotedStringTarget,
  stringTarget,
  structTarget,
} from './go-json-targets.ts'
import type { Labels } from './go-json.ts'

interface Values {
  text: string
  int: number
  quotedInt: number
  quotedText: string
  flag: boolean
  map: Labels | null
  inner: string
  items: number[] | null
}

const decode = (json: string | Uint8Array): Values => {
  const values: Values = {
    text: '',
    int: 0,
    quotedInt: 0,
    quotedText: '',
    flag: false,
    map: null,
    inner: '',
    items: null,
  }
  const root = structTarget({
    Text: stringTarget((text) => void (values.text = text)),
    Int: intTarget((int) => void (values.int = int)),
    QuotedInt: quotedIntTarget((int) => void (values.quotedInt = int)),
    QuotedText: quotedStringTarget((text) => void (values.quotedText = text)),
    Flag: booleanTarget((flag) => void (values.flag = flag)),
    Map: mapTarget((map) => void (values.map = map)),
    Inner: structTarget({ Text: stringTarget((text) => void (values.inner = text)) }),
    Items: {
      kind: 'array',
      begin: () => void (values.items = []),
      element: intTarget((item) => void values.items?.push(item)),
      end: () => {},
      setNull: () => void (values.items = null),
    },
  })
  const decoder = goJsonDecoder(root, 'folder/object.cfg')
  decoder.write(Buffer.from(json))
  decoder.end()
  return values
}

/** Objects and lists, one in the other. */
const nested = (depth: number) => `{"x":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`

const failure = (json: string | Uint8Array): BackupstoreError => {
  try {
    decode(json)
  } catch (error) {
    if (error instanceof BackupstoreError) return error
    throw error
  }
  throw new Error(`was accepted: ${String(json)}`)
}

// The verdicts of both tables are those of Go 1.26's json.NewDecoder(…).Decode on structs of these types.
describe('goJsonDecoder reads as Go does:', () => {
  it.each<[string, Partial<Values>]>([
    ['{"TEXT":"a"}', { text: 'a' }],
    ['{"tE\\u0078t":"a"}', { text: 'a' }],
    ['{"Te xt":"a","Tex":"b"}', {}],
    ['{"QuotedInt":"1","QUOTEDINT":"2"}', { quotedInt: 2 }],
    ['{"item\u017f":[1]}', { items: [1] }],
    ['{"İnt":5}', {}],
    ['{"Text":"a","Text":"b"}', { text: 'b' }],
    ['{"Text":"a","Text":null}', { text: 'a' }],
    ['{"Unknown":{"a":[1,{"b":null}],"c":"d"},"Text":"a"}', { text: 'a' }],
    ['null', {}],
    ['{}garbage', {}],
    ['{"Text":"a"}{"Text":"b"}', { text: 'a' }],
    ['{"Text":"a"}]', { text: 'a' }],
    ['{"Int":-0}', { int: 0 }],
    ['{"Int":-5}', { int: -5 }],
    ['{"Int":null}', {}],
    ['{"QuotedInt":"05"}', { quotedInt: 5 }],
    ['{"QuotedInt":"-5"}', { quotedInt: -5 }],
    ['{"QuotedInt":"-0"}', { quotedInt: 0 }],
    ['{"QuotedInt":null}', {}],
    ['{"QuotedInt":"null"}', {}],
    ['{"QuotedText":"\\"lz4\\""}', { quotedText: 'lz4' }],
    ['{"QuotedText":"\\"\\""}', { quotedText: '' }],
    ['{"QuotedText":"\\"a\\\\u003cb\\\\\\"c\\""}', { quotedText: 'a<b"c' }],
    ['{"QuotedText":"\\"\\\\ud800\\""}', { quotedText: '\ufffd' }],
    ['{"QuotedText":null}', {}],
    ['{"QuotedText":"null"}', {}],
    ['{"Flag":true}', { flag: true }],
    ['{"Flag":null}', {}],
    ['{"Map":null}', {}],
    ['{"Map":{}}', { map: {} }],
    ['{"Map":{"a":null}}', { map: { a: '' } }],
    ['{"Map":{"a":"1","a":null}}', { map: { a: '' } }],
    ['{"Map":{"a":"1"},"Map":{"b":"2"}}', { map: { a: '1', b: '2' } }],
    ['{"Map":{"a":"1"},"Map":null}', { map: null }],
    ['{"Map":{"a":"1"},"Map":null,"Map":{"b":"2"}}', { map: { b: '2' } }],
    ['{"Map":{"A":"1","a":"2"}}', { map: { A: '1', a: '2' } }],
    ['{"Inner":{"text":"a","x":{}}}', { inner: 'a' }],
    ['{"Inner":{"Text":"a"},"Inner":null}', { inner: 'a' }],
    ['{"Items":[]}', { items: [] }],
    ['{"Items":[1],"Items":[2]}', { items: [2] }],
    ['{"Items":[1],"Items":null}', { items: null }],
  ])('%s', (json, expected) => {
    const zero: Values = {
      text: '',
      int: 0,
      quotedInt: 0,
      quotedText: '',
      flag: false,
      map: null,
      inner: '',
      items: null,
    }
    expect(decode(json)).toEqual({ ...zero, ...expected })
  })

  it('invalid UTF-8', () => {
    expect(decode(Buffer.from('{"Text":"\xff"}', 'latin1')).text).toBe('\ufffd')
  })
})

describe('goJsonDecoder refuses what Go refuses:', () => {
  it.each([
    '',
    ' \n',
    '5',
    'true',
    '"x"',
    '[]',
    '{',
    '{"Text":"a"',
    '{"Text":"a',
    '{"Text":"a",}',
    '{,}',
    '{"Text"}',
    '{"Text":}',
    '{"Text":"a" "b":"c"}',
    '{"Text"::"a"}',
    '{"x":[1,]}',
    '{"x":[,1]}',
    '{"x":[1 2]}',
    '{"x":1]',
    '{"x":[1}',
    '{x:1}',
    '{1:1}',
    '\ufeff{}',
    '{"Text":5"x"}',
    '{"Text":5}',
    '{"Text":{}}',
    '{"Int":"5"}',
    '{"Int":5.0}',
    '{"Int":1e3}',
    '{"Int":99999999999999999999}',
    '{"QuotedInt":5}',
    '{"QuotedInt":""}',
    '{"QuotedInt":"+5"}',
    '{"QuotedInt":" 5"}',
    '{"QuotedInt":"5 "}',
    '{"QuotedInt":"1_0"}',
    '{"QuotedInt":"0x5"}',
    '{"QuotedInt":"1e3"}',
    '{"QuotedInt":"5.0"}',
    '{"QuotedInt":"٥"}',
    '{"QuotedInt":true}',
    '{"QuotedInt":{}}',
    '{"QuotedText":"lz4"}',
    '{"QuotedText":""}',
    '{"QuotedText":"\\"a\\" "}',
    '{"QuotedText":" \\"a\\""}',
    '{"QuotedText":"\\"a\\"b\\""}',
    '{"QuotedText":"\\""}',
    '{"QuotedText":"\\"\\u0001\\""}',
    '{"QuotedText":"true"}',
    '{"QuotedText":5}',
    '{"Flag":0}',
    '{"Flag":"true"}',
    '{"Map":[]}',
    '{"Map":{"a":1}}',
    '{"Map":{"a":{"b":"c"}}}',
    '{"Inner":[]}',
    '{"Items":{}}',
    '{"Items":["1"]}',
  ])('%s', (json) => {
    expect(failure(json)).toMatchObject({ code: 'invalid-config' })
    expect(failure(json).message).toMatch(/^folder\/object\.cfg/)
  })
})

describe('goJsonDecoder', () => {
  it.each([
    ['', 'folder/object.cfg is empty'],
    ['{"Text":"a', 'folder/object.cfg: Text a string is cut short'],
    ['{"Map":{"a":"1",', 'folder/object.cfg: Map.a is cut short'],
    ['{"QuotedInt":"x"}', 'folder/object.cfg: QuotedInt is "x", not a whole number of a usable size'],
    ['{"Items":[1,2,"3"]}', 'folder/object.cfg: Items[2] is a string, not a number'],
    ['{"Inner":{"Text":1}}', 'folder/object.cfg: Inner.Text is a number, not a string'],
    ['{"Map":{"a b\\n":[]}}', 'folder/object.cfg: Map."a b\\n" is a list, not a string'],
    ['{"Items":[1}', 'folder/object.cfg: Items[0] is no valid JSON: unexpected "}"'],
  ])('says what is wrong, and where: %s', (json, message) => {
    expect(failure(json).message).toBe(message)
  })

  it('takes integers only as far as they are exact, unlike Go', () => {
    expect(decode('{"Int":9007199254740991}').int).toBe(Number.MAX_SAFE_INTEGER)
    expect(failure('{"Int":9007199254740993}').message).toContain('not a whole number of a usable size')
    expect(failure('{"QuotedInt":"9007199254740993"}').message).toContain(
      'not a whole number of a usable size',
    )
  })

  it('takes nesting of 64 levels, in what it skips too, and refuses more', () => {
    expect(() => decode(nested(64))).not.toThrow()
    expect(failure(nested(65)).message).toContain('is nested more than 64 deep')
    expect(failure('['.repeat(5_000_000)).code).toBe('invalid-config')
    expect(failure('{"x":'.repeat(1_000_000)).message).toContain('is nested more than 64 deep')
  })

  it('keeps labels away from the prototype of objects', () => {
    const { map } = decode(
      '{"Map":{"__proto__":"x","constructor":"y","toString":null},"__proto__":{"Text":"z"},"constructor":1}',
    )
    expect(Object.entries(map ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
      ['toString', ''],
    ])
    expect(Object.getPrototypeOf(map)).toBeNull()
    expect('x' in {}).toBe(false)
  })

  it('refuses maps of more than 4 MiB, by values and by the number of keys', () => {
    const long = `{"Map":{${[1, 2, 3, 4, 5].map((i) => `"${i}":"${'x'.repeat(1024 * 1024)}"`).join(',')}}}`
    expect(failure(long).message).toBe('folder/object.cfg: Map.4 holds more than 4194304 bytes')
    const many = `{"Map":{${Array.from({ length: 70_000 }, (_, i) => `"${i}":""`).join(',')}}}`
    expect(failure(many).message).toContain('holds more than 4194304 bytes')
  })

  it('keeps memory bounded while it skips a long unknown list', () => {
    const values = structTarget({ Text: stringTarget(() => {}) })
    const decoder = goJsonDecoder(values, 'key')
    decoder.write(Buffer.from('{"x":['))
    const piece = Buffer.from('"abcdefgh",'.repeat(10_000))
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < 200; i++) decoder.write(piece)
    decoder.write(Buffer.from('0]}'))
    decoder.end()
    expect(decoder.isDone).toBe(true)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60 * 1024 * 1024)
  })
})

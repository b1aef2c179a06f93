import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inChunks } from '#test/chunks.ts'
import { jsonLexer } from './json-lexer.ts'

const tokensOf = async (bytes: Uint8Array, chunkBytes?: number): Promise<string[]> => {
  const tokens: string[] = []
  const lexer = jsonLexer((kind, text) => {
    tokens.push(kind === 'string' || kind === 'number' ? `${kind} ${text}` : kind)
    return true
  })
  for await (const chunk of inChunks(bytes, chunkBytes)) lexer.write(chunk)
  lexer.end()
  return tokens
}
const tokens = (text: string) => tokensOf(Buffer.from(text))

describe('jsonLexer', () => {
  it('cuts JSON into its tokens', async () => {
    expect(await tokens(' {"a":[1,-2.5e+3 ,true],\r\n"b":null}false')).toEqual([
      '{',
      'string a',
      ':',
      '[',
      'number 1',
      ',',
      'number -2.5e+3',
      ',',
      'true',
      ']',
      ',',
      'string b',
      ':',
      'null',
      '}',
      'false',
    ])
  })

  it('resolves escapes', async () => {
    expect(await tokens(String.raw`"\"\\\/\b\f\n\r\tA\ud83d\ude00"`)).toEqual([
      'string "\\/\b\f\n\r\tA\u{1f600}',
    ])
  })

  it('keeps U+FEFF, and makes unpaired surrogates and invalid UTF-8 U+FFFD, as Go does', async () => {
    expect(await tokens('"\ufeffa\ufeff"')).toEqual(['string \ufeffa\ufeff'])
    expect(await tokens(String.raw`"\ud800x\udc00"`)).toEqual(['string \ufffdx\ufffd'])
    expect(await tokensOf(Buffer.from('22ff22', 'hex'))).toEqual(['string \ufffd'])
  })

  it('gives the same tokens however the bytes come', async () => {
    const json = fc.jsonValue({ noUnicodeString: false })
    await fc.assert(
      fc.asyncProperty(json, fc.integer({ min: 1, max: 20 }), async (value, chunkBytes) => {
        const bytes = Buffer.from(JSON.stringify(value, null, 1))
        expect(await tokensOf(bytes, chunkBytes)).toEqual(await tokensOf(bytes))
      }),
      { numRuns: 300 },
    )
  })

  it.each([
    '01',
    '1.',
    '-',
    '.5',
    '1e',
    '+1',
    'tru',
    'nulll',
    'NaN',
    'Infinity',
    "'a'",
    '\ufeff{}',
    '\u0000',
    '"\t"',
    '"\\x"',
    '"\\u12"',
    '"\\',
    '"a',
  ])('refuses %j', async (text) => {
    await expect(tokens(text)).rejects.toThrow(/./)
    await expect(tokensOf(Buffer.from(text), 1)).rejects.toThrow(/./)
  })

  it('looks at nothing more once its user has enough', () => {
    const seen: string[] = []
    const lexer = jsonLexer((kind) => {
      seen.push(kind)
      return kind !== '}'
    })
    lexer.write(Buffer.from('{}garbage"'))
    lexer.write(Buffer.from('\u0000'))
    lexer.end()
    expect(seen).toEqual(['{', '}'])
  })

  it.each(['"', '1'])('refuses a value of %j without end before it fills memory', (start) => {
    const lexer = jsonLexer(() => true)
    lexer.write(Buffer.from(start))
    const more = Buffer.alloc(1024 * 1024, '1')
    expect(() => {
      for (let i = 0; i < 5; i++) lexer.write(more)
    }).toThrow('longer than 4194304 bytes')
  })
})

/**
 * @module json-lexer: cuts a stream of JSON into its tokens, one at a time, in bounded memory.
 *
 * Our own, because no streaming tokenizer keeps Go's rules: @streamparser/json, the nearest, drops U+FEFF from strings, fails on
 * invalid UTF-8, which Go reads as U+FFFD, and gives numbers as doubles. A token may span any number of chunks. Source: RFC 8259.
 */

export type JsonTokenKind =
  | '{'
  | '}'
  | '['
  | ']'
  | ':'
  | ','
  | 'string'
  | 'number'
  | 'true'
  | 'false'
  | 'null'

/** `text`: a string unescaped, a number as it was written. Returns whether to go on: what follows is then not looked at. */
export type OnJsonToken = (kind: JsonTokenKind, text: string) => boolean

export interface JsonLexer {
  /** @throws Error at what is no JSON token, or one longer than the limit. */
  write(chunk: Uint8Array): void
  /** Ends a number or word that nothing follows. @throws Error within a string. */
  end(): void
}

/** Far above the longest token of any config: a label, of which Kubernetes keeps all of an object's under 256 KiB. */
const maxTokenBytes = 4 * 1024 * 1024

const quote = 0x22
const backslash = 0x5c

/** What a byte is outside strings: the token that it is by itself, or `space`, or `quote`; anything else belongs to a word. */
const byteKinds: ('space' | 'quote' | 'word' | '{' | '}' | '[' | ']' | ':' | ',')[] = Array.from(
  { length: 256 },
  () => 'word',
)
for (const space of ' \n\r\t') byteKinds[space.charCodeAt(0)] = 'space'
for (const kind of ['{', '}', '[', ']', ':', ','] as const) byteKinds[kind.charCodeAt(0)] = kind
byteKinds[quote] = 'quote'

export const jsonLexer = (onToken: OnJsonToken): JsonLexer => {
  const earlier = tokenBuffer()
  let within: 'nothing' | 'string' | 'word' = 'nothing'
  let isEscaped = false
  let hasEscapes = false
  let isAscii = true
  let wantsMore = true

  /** The position of the closing quote, or -1. */
  const stringEnd = (bytes: Uint8Array, from: number): number => {
    for (let at = from; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0
      if (byte >= 0x80) isAscii = false
      else if (byte < 0x20) throw new Error('a string has an unescaped control character')
      if (isEscaped) isEscaped = false
      else if (byte === quote) return at
      else if (byte === backslash) isEscaped = hasEscapes = true
    }
    return -1
  }
  const endString = (text: string) => {
    within = 'nothing'
    wantsMore = onToken('string', hasEscapes ? unescape(text) : text)
    hasEscapes = false
    isAscii = true
  }
  const endWord = (text: string) => {
    within = 'nothing'
    wantsMore = onToken(wordKind(text), text)
  }
  /** Each reads what begins or goes on at `from`, and returns the position after it. */
  const readString = (bytes: Buffer, from: number): number => {
    const end = stringEnd(bytes, from)
    if (end < 0) return earlier.keep(bytes, from)
    endString(isAscii ? earlier.takeAscii(bytes, from, end) : utf8.decode(earlier.take(bytes, from, end)))
    return end + 1
  }
  const readWord = (bytes: Buffer, from: number): number => {
    let end = from
    while (end < bytes.length && byteKinds[bytes[end] ?? 0] === 'word') end++
    if (end === bytes.length) return earlier.keep(bytes, from)
    endWord(earlier.takeAscii(bytes, from, end))
    return end
  }
  const readOther = (bytes: Buffer, from: number): number => {
    let at = from
    while (byteKinds[bytes[at] ?? 0] === 'space') at++
    if (at === bytes.length) return at
    const kind = byteKinds[bytes[at] ?? 0] ?? 'word'
    if (kind === 'word') within = 'word'
    else if (kind === 'quote') within = 'string'
    else if (kind !== 'space') wantsMore = onToken(kind, kind)
    return kind === 'word' ? at : at + 1
  }
  const readers = { string: readString, word: readWord, nothing: readOther }

  return {
    write: (chunk) => {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      let at = 0
      while (at < bytes.length) at = wantsMore ? readers[within](bytes, at) : bytes.length
    },
    end: () => {
      if (!wantsMore) return
      if (within === 'string') throw new Error('a string is cut short')
      if (within === 'word') endWord(earlier.takeAscii(Buffer.alloc(0), 0, 0))
    },
  }
}

/** What earlier chunks had of the token that is being read. */
const tokenBuffer = () => {
  let bytes = Buffer.alloc(0)
  let length = 0
  const append = (piece: Buffer) => {
    if (length + piece.length > maxTokenBytes)
      throw new Error(`a single value is longer than ${maxTokenBytes} bytes`)
    if (length + piece.length > bytes.length) {
      const wider = Buffer.alloc(Math.max(1024, 2 * (length + piece.length)))
      bytes.copy(wider, 0, 0, length)
      bytes = wider
    }
    piece.copy(bytes, length)
    length += piece.length
  }
  /** The whole token, whose last bytes these are. Valid until the next call. */
  const take = (chunk: Buffer, from: number, to: number): Buffer => {
    if (length === 0) return chunk.subarray(from, to)
    append(chunk.subarray(from, to))
    const whole = bytes.subarray(0, length)
    length = 0
    return whole
  }
  return {
    /** Keeps the rest of a chunk; returns its end. */
    keep: (chunk: Buffer, from: number): number => {
      append(chunk.subarray(from))
      return chunk.length
    },
    take,
    takeAscii: (chunk: Buffer, from: number, to: number): string =>
      length === 0 ? chunk.toString('latin1', from, to) : take(chunk, from, to).toString('latin1'),
  }
}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })

const unescape = (text: string): string => {
  const value: unknown = JSON.parse(`"${text}"`)
  return String(value).toWellFormed()
}

const numberPattern = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

const wordKind = (text: string): JsonTokenKind => {
  if (text === 'true' || text === 'false' || text === 'null') return text
  if (numberPattern.test(text)) return 'number'
  throw new Error(`${JSON.stringify(text.slice(0, 40))} is no JSON value`)
}

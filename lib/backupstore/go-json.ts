/**
 * @module go-json: JSON byte for byte as Go's `encoding/json` writes it (Go 1.22 and later).
 *
 * One line, no spaces; `<`, `>`, `&`, U+2028 and U+2029 escaped; map keys in the order of their UTF-8 bytes. Source: longhorn.md 2.1.
 */

/** A Go `map[string]string`. Decoded ones have no prototype, so that no key of theirs means anything to JavaScript. */
export type Labels = Record<string, string>

const escapes: Record<string, string> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
}

/** Unpaired surrogates, which UTF-8 cannot hold, become U+FFFD. */
export const goString = (text: string): string =>
  JSON.stringify(text.toWellFormed()).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => escapes[character] ?? character,
  )

/** A string field with Go's `,string` tag: encoded twice. */
export const goQuotedString = (text: string): string => goString(goString(text))

/** An integer field with Go's `,string` tag. */
export const goQuotedInt = (value: number): string => `"${value}"`

export const goMap = (labels: Labels | null): string => {
  if (labels === null) return 'null'
  const members = Object.entries(labels)
    .map(([key, value]) => ({ bytes: Buffer.from(key), text: `${goString(key)}:${goString(value)}` }))
    .toSorted((a, b) => Buffer.compare(a.bytes, b.bytes))
  return `{${members.map(({ text }) => text).join(',')}}`
}

/** Takes each field's value already encoded, in Go's order. */
export const goStruct = (fields: Record<string, string>): string =>
  `{${Object.entries(fields)
    .map(([name, value]) => `"${name}":${value}`)
    .join(',')}}`

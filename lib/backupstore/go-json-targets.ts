/**
 * @module go-json-targets: what Go's types take of JSON: strings, integers, maps and structs, and fields with the `,string` tag.
 *
 * As in Go, `null` leaves strings, numbers and booleans as they are, and of a key that comes twice the last one counts.
 * Source: longhorn.md 2.1, 2.2.
 */
import { skipped, type Target } from './go-json-decoder.ts'
import type { Labels } from './go-json.ts'

export const stringTarget = (set: (text: string) => void): Target => ({ kind: 'string', set })

export const booleanTarget = (set: (value: boolean) => void): Target => ({ kind: 'boolean', set })

/** Go's int64, but only as far as a JavaScript number is exact. */
export const intTarget = (set: (value: number) => void): Target => ({
  kind: 'number',
  set: (literal) => set(wholeNumber(literal)),
})

/** An integer in a string. As in Go, `"null"` counts as null. */
export const quotedIntTarget = (set: (value: number) => void): Target => ({
  kind: 'string',
  set: (text) => {
    if (text !== 'null') set(wholeNumber(text))
  },
})

const wholeNumber = (text: string): number => {
  const value = Number(text)
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(value)) return value + 0 // -0 is 0
  throw new Error(`is ${JSON.stringify(text.slice(0, 40))}, not a whole number of a usable size`)
}

/** A JSON string in a string. As in Go, `"null"` counts as null. */
export const quotedStringTarget = (set: (text: string) => void): Target => ({
  kind: 'string',
  set: (text) => {
    if (text !== 'null') set(unquoted(text))
  },
})

const unquoted = (text: string): string => {
  // JSON.parse would accept spaces around it.
  if (!text.startsWith('"') || !text.endsWith('"')) throw notQuoted(text)
  try {
    return String(JSON.parse(text)).toWellFormed()
  } catch (cause) {
    throw notQuoted(text, cause)
  }
}
const notQuoted = (text: string, cause?: unknown) =>
  new Error(`is ${JSON.stringify(text.slice(0, 40))}, not a JSON string within a string`, { cause })

/** What a map may hold in all. Kubernetes keeps an object's labels and annotations under 256 KiB. */
const maxMapBytes = 4 * 1024 * 1024
const bytesPerEntry = 64

/** A `map[string]string`. As in Go, a second object adds to the first, and `null` as a value is the empty string. */
export const mapTarget = (set: (labels: Labels | null) => void): Target => {
  let labels: Labels | undefined
  let key = ''
  let usedBytes = 0
  const use = (bytes: number) => {
    usedBytes += bytes
    if (usedBytes > maxMapBytes) throw new Error(`holds more than ${maxMapBytes} bytes`)
  }
  const value = stringTarget((text) => {
    use(text.length)
    if (labels) labels[key] = text
  })
  return {
    kind: 'object',
    begin: () => {
      labels ??= emptyLabels()
      set(labels)
    },
    member: (name) => {
      use(name.length + bytesPerEntry)
      key = name
      if (labels) labels[key] = ''
      return value
    },
    end: () => {},
    setNull: () => {
      labels = undefined
      set(null)
    },
  }
}

/** Without a prototype, so that `__proto__` is a key like any other. */
const emptyLabels = (): Labels => {
  const labels: Labels = Object.create(null)
  return labels
}

export interface StructHooks {
  begin?: () => void
  end?: () => void
  /** Called with the name of each known field, before its value. */
  field?: (name: string) => void
}

/** A struct: names match as Go matches them, first exactly, then whatever their case; unknown ones are skipped. */
export const structTarget = (fields: Record<string, Target>, hooks: StructHooks = {}): Target => {
  const { begin = () => {}, end = () => {}, field = () => {} } = hooks
  const byName = new Map(Object.entries(fields).map(([name, target]) => [name, { name, target }]))
  const byFolded = new Map(Object.entries(fields).map(([name, target]) => [folded(name), { name, target }]))
  return {
    kind: 'object',
    begin,
    member: (key) => {
      const found = byName.get(key) ?? byFolded.get(folded(key))
      if (!found) return skipped
      field(found.name)
      return found.target
    },
    end,
    setNull: () => {
      begin()
      end()
    },
  }
}

/** Unicode's simple folding, as far as it touches ASCII: besides the cases, the Kelvin sign is a k and the long s is an s. */
const folded = (name: string): string => name.toLowerCase().replaceAll('\u017f', 's')

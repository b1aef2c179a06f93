/**
 * @module go-json-decoder: reads a stream of JSON by the rules of Go's `encoding/json`, value by value, into targets.
 *
 * Only the first value counts, and what follows it is not looked at. `null` fits everywhere. A value of the wrong type, or of
 * the right type that its target refuses, fails with the path to it. Memory is bounded by the lexer's longest token and by what
 * the targets keep. Targets for Go's types: go-json-targets.ts. Source: longhorn.md 2.1.
 */
import { BackupstoreError } from './backupstore-error.ts'
import { jsonLexer, type JsonTokenKind } from './json-lexer.ts'

/** Where one JSON value goes. A setter refuses a value by throwing an Error that says why. */
export type Target =
  | { kind: 'string'; set: (text: string) => void }
  | { kind: 'number'; set: (literal: string) => void }
  | { kind: 'boolean'; set: (value: boolean) => void }
  | {
      kind: 'object'
      begin: () => void
      member: (key: string) => Target
      end: () => void
      setNull: () => void
    }
  | { kind: 'array'; begin: () => void; element: Target; end: () => void; setNull: () => void }
  | { kind: 'skipped' }

export const skipped: Target = { kind: 'skipped' }

export interface GoJsonDecoder {
  /** @throws BackupstoreError `invalid-config`. */
  write(chunk: Uint8Array): void
  /** Whether the value is complete, or `stop` was called: nothing more is needed. */
  readonly isDone: boolean
  /** For targets that have seen enough. */
  stop(): void
  /** There is no more. @throws BackupstoreError `invalid-config` if the value is not complete. */
  end(): void
}

/** Longhorn's configs are 3 deep. */
const maxDepth = 64

interface Frame {
  target: Target
  isArray: boolean
  /** Of the member that is being read, or the number of elements begun. */
  key: string
  count: number
}

type Expected = 'value' | 'first-element' | 'first-key' | 'key' | 'colon' | 'comma-or-end'

/** `describe` is the object's key, for messages. */
export const goJsonDecoder = (root: Target, describe: string): GoJsonDecoder => {
  const frames: Frame[] = []
  let target = root
  let expected: Expected = 'value'
  let hasBegun = false
  let isDone = false

  const endValue = () => {
    if (frames.length === 0) isDone = true
    else expected = 'comma-or-end'
  }
  const open = (isArray: boolean) => {
    if (frames.length === maxDepth) throw new Error(`is nested more than ${maxDepth} deep`)
    if (target.kind === 'object' || target.kind === 'array') target.begin()
    frames.push({ target, isArray, key: '', count: 0 })
    expected = isArray ? 'first-element' : 'first-key'
  }
  const close = () => {
    const frame = frames.pop()
    if (frame?.target.kind === 'object' || frame?.target.kind === 'array') frame.target.end()
    endValue()
  }
  const readKey = (kind: JsonTokenKind, text: string) => {
    const frame = frames.at(-1)
    if (kind !== 'string' || !frame) throw unexpected(kind)
    frame.key = text
    target = frame.target.kind === 'object' ? frame.target.member(text) : skipped
    expected = 'colon'
  }
  const readValue = (kind: JsonTokenKind, text: string) => {
    const frame = frames.at(-1)
    if (frame?.isArray) {
      target = frame.target.kind === 'array' ? frame.target.element : skipped
      frame.count++
    }
    if (!(kind in valueNames)) throw unexpected(kind)
    const isOpening = take(target, kind, text)
    if (isOpening) open(kind === '[')
    else endValue()
  }
  const readCommaOrEnd = (kind: JsonTokenKind) => {
    const isArray = frames.at(-1)?.isArray
    if (kind === ',') expected = isArray ? 'value' : 'key'
    else if (kind === (isArray ? ']' : '}')) close()
    else throw unexpected(kind)
  }
  const onToken = (kind: JsonTokenKind, text: string): boolean => {
    hasBegun = true
    if (expected === 'comma-or-end') readCommaOrEnd(kind)
    else if (expected === 'value') readValue(kind, text)
    else if (expected === 'key') readKey(kind, text)
    else if (expected === 'colon') {
      if (kind !== ':') throw unexpected(kind)
      expected = 'value'
    } else if (kind === (expected === 'first-key' ? '}' : ']')) close()
    else if (expected === 'first-key') readKey(kind, text)
    else readValue(kind, text)
    return !isDone
  }
  const lexer = jsonLexer(onToken)

  const attempt = (action: () => void) => {
    try {
      action()
    } catch (cause) {
      if (cause instanceof BackupstoreError) throw cause
      throw invalidConfig(
        describe,
        pathOf(frames),
        cause instanceof Error ? cause.message : String(cause),
        cause,
      )
    }
  }
  return {
    write: (chunk) => attempt(() => lexer.write(chunk)),
    get isDone() {
      return isDone
    },
    stop: () => {
      isDone = true
    },
    end: () => {
      attempt(() => lexer.end())
      if (!isDone) throw invalidConfig(describe, pathOf(frames), hasBegun ? 'is cut short' : 'is empty')
    },
  }
}

/** The tokens that begin a value, as messages call them. */
const valueNames: Partial<Record<JsonTokenKind, string>> = {
  '{': 'an object',
  '[': 'a list',
  string: 'a string',
  number: 'a number',
  true: 'a boolean',
  false: 'a boolean',
  null: 'null',
}
const targetNames = {
  object: 'an object',
  array: 'a list',
  string: 'a string',
  number: 'a number',
  boolean: 'a boolean',
}

/** Gives a whole value to its target; returns whether it only begins here. */
const take = (target: Target, kind: JsonTokenKind, text: string): boolean => {
  if (kind === 'null') {
    if (target.kind === 'object' || target.kind === 'array') target.setNull()
    return false
  }
  switch (target.kind) {
    case 'skipped':
      return kind === '{' || kind === '['
    case 'object':
      if (kind === '{') return true
      break
    case 'array':
      if (kind === '[') return true
      break
    case 'string':
    case 'number':
      if (kind !== target.kind) break
      target.set(text)
      return false
    case 'boolean':
      if (kind !== 'true' && kind !== 'false') break
      target.set(kind === 'true')
      return false
    default:
      return target satisfies never
  }
  throw new Error(`is ${valueNames[kind]}, not ${targetNames[target.kind]}`)
}

const unexpected = (kind: JsonTokenKind) =>
  new Error(`is no valid JSON: unexpected ${valueNames[kind] ?? JSON.stringify(kind)}`)

const readableKey = /^[\w./-]{1,80}$/

/** Like `Blocks[3].Offset`; what is odd or long is quoted and cut. */
const pathOf = (frames: readonly Frame[]): string =>
  frames
    .map(({ isArray, key, count }) =>
      isArray ? `[${count - 1}]` : `.${readableKey.test(key) ? key : JSON.stringify(key.slice(0, 80))}`,
    )
    .join('')
    .slice(1)

/** A BackupstoreError that names the object, the field and what is wrong with it. */
export const invalidConfig = (key: string, field: string, what: string, cause?: unknown): BackupstoreError =>
  new BackupstoreError('invalid-config', field === '' ? `${key} ${what}` : `${key}: ${field} ${what}`, {
    hint: 'the object is damaged, or was not written by Longhorn or Drover; if the store keeps versions, bring back an older one',
    ...(cause === undefined ? {} : { cause }),
  })

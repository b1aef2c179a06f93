/**
 * @module terminal: where results, remarks and progress go, by what the user asked for.
 *
 * Results are on stdout, and with `--json` exactly one document; all else is on stderr.
 */
import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { describeFailure, failureJson, failureText } from './failure.ts'
import { exitOf, exits, type Exit } from './exit-codes.ts'
import { printable } from './printable.ts'
import { barProgress, lineProgress, noProgress, type Progress } from './progress.ts'
import { stderrLog } from './stderr-log.ts'

export interface OutputStyle {
  isJson: boolean
  isQuiet: boolean
  isVerbose: boolean
}

/** What a command has to say when it is done. */
export interface Outcome {
  /** For `--json`. Sizes in bytes; `undefined` is written as null, so that every key is always there. */
  json: object
  text: string
  /** What is left of `text` with `--quiet`: what a script goes on with, as URLs, devices or names, one a line. Default: nothing. */
  handles?: readonly string[]
  exit?: Exit
  /** After changes that were told: its document is on one line, as theirs. */
  isLast?: boolean
}

export interface Streams {
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
}

/** Whether the answer is yes. An end of input is a no. */
export type Ask = (question: string, signal: AbortSignal) => Promise<boolean>

/** A line of text; the end of input is an empty one. */
export type AskText = (question: string, signal: AbortSignal) => Promise<string>

/** A change, told while the command goes on. */
export type Tell = (change: { json: object; text: string }) => void

export interface Terminal {
  log: Log
  progress: Progress
  /** `undefined` where nobody is there to answer. */
  ask: Ask | undefined
  askText: AskText | undefined
  /** On stdout; with `--json` each is a document on a line of its own. */
  tell: Tell
  /** A remark for people. */
  remark(text: string): void
  /** Returns the exit code. */
  showOutcome(outcome: Outcome): number
  showFailure(error: unknown): number
}

const clearLine = '\r\u001b[K'

const jsonText = (json: object, indent?: number): string =>
  JSON.stringify(json, (_key, value: unknown) => (value === undefined ? null : value), indent)

const outcomeText = ({ json, text, handles = [], isLast = false }: Outcome, style: OutputStyle): string => {
  if (style.isJson) return jsonText(json, isLast ? undefined : 2)
  return style.isQuiet ? handles.join('\n') : text
}

const progressFor = (
  stderr: NodeJS.WriteStream,
  style: OutputStyle,
  line: (text: string) => void,
): Progress => {
  if (style.isJson || style.isQuiet) return noProgress
  return stderr.isTTY && !style.isVerbose ? barProgress(stderr) : lineProgress(line)
}

/** Not in readline's terminal mode, in which Ctrl-C would be a key like others. */
export const askTextOn =
  (stdin: NodeJS.ReadableStream, stderr: Pick<NodeJS.WriteStream, 'write'>): AskText =>
  async (question, signal) => {
    const lines = createInterface({ input: stdin, terminal: false })
    try {
      stderr.write(`${printable(question)} `)
      const answered = once(lines, 'line', { signal }).then(([line]) => String(line))
      const ended = once(lines, 'close', { signal }).then(() => '')
      return await Promise.race([answered, ended])
    } finally {
      lines.close()
    }
  }

export const askOn = (stdin: NodeJS.ReadableStream, stderr: Pick<NodeJS.WriteStream, 'write'>): Ask => {
  const askText = askTextOn(stdin, stderr)
  return async (question, signal) => /^\s*y(?:es)?\s*$/i.test(await askText(`${question} [y/N]`, signal))
}

export const terminal = (
  { stdin, stdout, stderr }: Streams,
  style: OutputStyle,
  clock: Pick<Clock, 'now'>,
): Terminal => {
  /** A bar may stand on the line; it is drawn again below. */
  const line = (text: string) => stderr.write(`${stderr.isTTY ? clearLine : ''}${text}\n`)
  const progress = progressFor(stderr, style, line)
  const canAsk = stdin.isTTY && stderr.isTTY && !style.isJson
  return {
    log: stderrLog(line, style, clock),
    progress,
    ask: canAsk ? askOn(stdin, stderr) : undefined,
    askText: canAsk ? askTextOn(stdin, stderr) : undefined,
    tell: ({ json, text }) => {
      if (style.isJson) stdout.write(`${jsonText(json)}\n`)
      else if (!style.isQuiet) stdout.write(`${text.split('\n').map(printable).join('\n')}\n`)
    },
    remark: (text) => {
      if (!style.isJson && !style.isQuiet) line(text)
    },
    showOutcome: (outcome) => {
      progress.stop()
      const text = outcomeText(outcome, style)
      if (text !== '') stdout.write(`${text}\n`)
      return exits[outcome.exit ?? 'done'].code
    },
    showFailure: (error) => {
      progress.stop()
      const failure = describeFailure(error)
      line(style.isJson ? failureJson(failure, style.isVerbose) : failureText(failure, style.isVerbose))
      return exits[exitOf(error)].code
    },
  }
}

/**
 * @module terminal: where results, remarks and progress go, by what the user asked for.
 *
 * Results are on stdout, and with `--json` exactly one document; all else is on stderr.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { describeFailure, failureJson, failureText } from './failure.ts'
import { exitOf, exits, type Exit } from './exit-codes.ts'
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
  /** What is left of `text` with `--quiet`: URLs, one a line. Default: nothing. */
  urls?: readonly string[]
  exit?: Exit
}

export interface Streams {
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
}

export interface Terminal {
  log: Log
  progress: Progress
  /** A remark for people. */
  remark(text: string): void
  /** Returns the exit code. */
  showOutcome(outcome: Outcome): number
  showFailure(error: unknown): number
}

const clearLine = '\r\u001b[K'

const outcomeText = ({ json, text, urls = [] }: Outcome, style: OutputStyle): string => {
  if (style.isJson)
    return JSON.stringify(json, (_key, value: unknown) => (value === undefined ? null : value), 2)
  return style.isQuiet ? urls.join('\n') : text
}

const progressFor = (
  stderr: NodeJS.WriteStream,
  style: OutputStyle,
  line: (text: string) => void,
): Progress => {
  if (style.isJson || style.isQuiet) return noProgress
  return stderr.isTTY && !style.isVerbose ? barProgress(stderr) : lineProgress(line)
}

export const terminal = (
  { stdout, stderr }: Streams,
  style: OutputStyle,
  clock: Pick<Clock, 'now'>,
): Terminal => {
  /** A bar may stand on the line; it is drawn again below. */
  const line = (text: string) => stderr.write(`${stderr.isTTY ? clearLine : ''}${text}\n`)
  const progress = progressFor(stderr, style, line)
  return {
    log: stderrLog(line, style, clock),
    progress,
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

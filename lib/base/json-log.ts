/**
 * @module json-log: log events as lines of JSON, for processes that run for as long as the machine does.
 */
import { rfc3339, type Clock } from './clock.ts'
import type { Log, LogFields } from './log.ts'

export interface JsonLogSettings {
  /** Default: false: debug events are left out. */
  isVerbose?: boolean | undefined
  /** With each event: what is the same for a while. */
  fields?: (() => LogFields) | undefined
}

/** `write` gets a whole line, with its end. */
export const jsonLog = (
  write: (line: string) => void,
  clock: Pick<Clock, 'now'>,
  { isVerbose = false, fields: standing = () => ({}) }: JsonLogSettings = {},
): Log => {
  const at =
    (level: keyof Log) =>
    (event: string, fields: LogFields = {}): void => {
      // First, for who reads it; and last, since no field may stand for them.
      const head = { time: rfc3339(clock.now()), level, event }
      write(`${JSON.stringify({ ...head, ...standing(), ...fields, ...head })}\n`)
    }
  return {
    debug: isVerbose ? at('debug') : () => {},
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  }
}

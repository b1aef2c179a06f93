/**
 * @module stderr-log: log events as lines on stderr; with `--json` each is a JSON document.
 */
import { rfc3339, type Clock } from '#lib/base/clock.ts'
import type { Log, LogFields } from '#lib/base/log.ts'
import { printable } from './printable.ts'
import type { OutputStyle } from './terminal.ts'

type Level = keyof Log

/** Waiting for a lock logs the same event every 2 s: without `--verbose` it is told once. */
const levelsByDefault: readonly Level[] = ['info', 'warn', 'error']

const fieldText = ([name, value]: [string, unknown]): string =>
  `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`

export const stderrLog = (
  write: (line: string) => void,
  style: OutputStyle,
  clock: Pick<Clock, 'now'>,
): Log => {
  const told = new Set<string>()
  const isShown = (level: Level, event: string): boolean => {
    if (style.isVerbose) return true
    if (style.isQuiet || style.isJson) return level === 'error'
    return levelsByDefault.includes(level) && !told.has(event)
  }
  const at =
    (level: Level) =>
    (event: string, fields: LogFields = {}) => {
      if (!isShown(level, event)) return
      told.add(event)
      const time = rfc3339(clock.now())
      if (style.isJson) write(JSON.stringify({ time, level, event, ...fields }))
      else if (style.isVerbose)
        write(printable([time, level, event, ...Object.entries(fields).map(fieldText)].join(' ')))
      else write(printable([`drover: ${event}`, ...Object.entries(fields).map(fieldText)].join(' ')))
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

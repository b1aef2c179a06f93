/**
 * @module row-writer: a process that commits rows numbered 1, 2, 3, … and says so of each, after its commit.
 *
 * Each line is the number and how many ms its commit took. The process ends when its stdin does, so that none outlives its test.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

export interface RowWriter {
  /** The highest number known to be committed. */
  last(): number
  /** Of all commits; 0 where the program does not tell. */
  longestMs(): number
  /** @throws Error if it ended by itself. */
  stop(): Promise<void>
}

/** What one row holds, so that a row cannot be half of it, or another's: in the SQL of both databases. */
export const rowCheck = (padded: string): string =>
  `SELECT count(*) AS rows, coalesce(max(n), 0) AS last, count(*) FILTER (WHERE payload <> ${padded}) AS wrong FROM rows`

export interface RowCount {
  rows: number
  last: number
  wrong: number
}

/** Every row from 1 to the last is there, whole, and none that was committed before is missing. */
export const checkRows = (found: RowCount, committed: number, what: string): void => {
  if (found.wrong === 0 && found.rows === found.last && found.last >= committed) return
  throw new Error(`${what}: ${committed} rows were committed, found ${JSON.stringify(found)}`)
}

interface Reporting {
  name: string
  /** Called for each row, once it is committed. */
  onCommitted?: (n: number) => void
}

/** Of a program that reports in lines: a number, and the ms if it knows them. */
export const rowWriter = (child: ChildProcess, { name, onCommitted }: Reporting): RowWriter => {
  const { stdin, stdout, stderr } = child
  if (!stdin || !stdout || !stderr) throw new Error(`${name} has no pipes`)
  let [last, longestMs, failure] = [0, 0, '']
  // It may have ended already, which `ended` tells.
  stdin.on('error', () => {})
  createInterface({ input: stdout }).on('line', (line) => {
    const [number = NaN, ms = 0] = line.split(' ').map(Number)
    if (number !== last + 1) failure ||= `said ${line} after ${last}`
    last = number
    longestMs = Math.max(longestMs, ms)
    onCommitted?.(number)
  })
  const ended = Promise.all([text(stderr), once(child, 'close')])
  return {
    last: () => last,
    longestMs: () => longestMs,
    stop: async () => {
      const isStopping = child.exitCode === null && child.signalCode === null
      stdin.end()
      const [said] = await ended
      if (!isStopping || child.exitCode !== 0) failure ||= `ended with ${child.exitCode}: ${said}`
      if (failure !== '') throw new Error(`${name} ${failure}`)
    },
  }
}

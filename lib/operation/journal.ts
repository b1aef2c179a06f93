/**
 * @module journal: what a worker has taken on, how far it is, and what it has yet to report. In an SQLite file, synced at each
 * step, so that neither `kill -9` nor a power cut makes it forget what it accepted or did.
 *
 * - A command whose id is known is not performed again: what was last said of it is reported again.
 * - A cancel counts from when it is here, also for an id that comes later.
 * - Reports wait in the outbox until they were sent; each operation's are numbered from 1.
 * - Ids are kept for a while beyond their command's expiry, by the server's time.
 */
import type { DatabaseSync } from 'node:sqlite'
import * as z from 'zod'
import { atOnce, openDatabase } from '#lib/base/sqlite-database.ts'
import type { PerformCommand } from './command.ts'
import { readCommand } from './command.ts'
import type { JsonObject } from './json.ts'
import type { Failure } from './operation.ts'
import { Report, reportVersion, type ReportEvent } from './report.ts'

export type JournalState = 'accepted' | 'begun' | 'ended'

export interface JournalEntry {
  command: PerformCommand
  state: JournalState
  isCancelled: boolean
  /** What the work itself wrote down, to go on from after a crash. */
  checkpoint: Checkpoint | undefined
}

export interface Checkpoint {
  /** As written last. */
  data: JsonObject
  /** All that was appended, one after another. */
  appended: Uint8Array
}

export interface Journal {
  /** `known`: it is in the journal already, and what was last said of it goes out again. */
  accept(command: PerformCommand): 'new' | 'known'
  /** Whether a command of that id was accepted or refused. */
  isKnown(operationId: string): boolean
  /** Ended before it began. `expiresAt`: until when its id is worth keeping. */
  refuse(operationId: string, failure: Failure, expiresAt: string): void
  cancel(operationId: string, expiresAt: string): void
  isCancelled(operationId: string): boolean
  /** Oldest first: what is to be performed, or was under way when the process died. */
  unfinished(): JournalEntry[]
  /** Of what was accepted and has not ended. */
  unfinishedIds(): string[]
  begin(operationId: string): void
  /** Replaces the data, and adds to what was appended. */
  writeCheckpoint(operationId: string, data: JsonObject, append: Uint8Array): void
  report(operationId: string, event: Extract<ReportEvent, { kind: 'progress' }>): void
  end(operationId: string, event: Extract<ReportEvent, { kind: 'succeeded' | 'failed' | 'cancelled' }>): void
  /** Oldest first. */
  outbox(most: number): { id: number; report: Report }[]
  sent(ids: readonly number[]): void
  /** Ids whose commands expired before `time` and that have ended. */
  forget(time: Date): void
  close(): void
}

const schema = `
CREATE TABLE IF NOT EXISTS operations (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  command TEXT,
  state TEXT,
  is_cancelled INTEGER NOT NULL DEFAULT 0,
  checkpoint TEXT,
  sequence INTEGER NOT NULL DEFAULT 0,
  last_event TEXT,
  expires_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS appended (id INTEGER PRIMARY KEY AUTOINCREMENT, operation_id TEXT NOT NULL, bytes BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS appended_of ON appended (operation_id);
CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, report TEXT NOT NULL) STRICT;
`

const Row = z.object({
  id: z.string(),
  command: z.string(),
  state: z.enum(['accepted', 'begun', 'ended']),
  is_cancelled: z.number(),
  checkpoint: z.string().nullable(),
})

const Known = z.object({
  command: z.string().nullable(),
  sequence: z.number(),
  last_event: z.string().nullable(),
  is_cancelled: z.number(),
})

const bytesOf = (found: unknown): Uint8Array =>
  z.object({ bytes: z.instanceof(Uint8Array) }).parse(found).bytes

const commandOf = (text: string): PerformCommand => {
  const read = readCommand(JSON.parse(text))
  if (read.kind === 'command' && read.command.command === 'perform') return read.command
  throw new Error(`the journal holds what is no command: ${text.slice(0, 200)}`)
}

const entryOf = (row: z.infer<typeof Row>, appended: () => Uint8Array): JournalEntry => {
  return {
    command: commandOf(row.command),
    state: row.state,
    isCancelled: row.is_cancelled === 1,
    checkpoint:
      row.checkpoint === null
        ? undefined
        : // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by `writeCheckpoint` alone
          { data: JSON.parse(row.checkpoint) as JsonObject, appended: appended() },
  }
}

export interface JournalSettings {
  /** `:memory:` in tests. */
  path: string
  node: string
  now: () => Date
}

const statementsOf = (database: DatabaseSync) => ({
  find: database.prepare('SELECT command, sequence, last_event, is_cancelled FROM operations WHERE id = ?'),
  insert: database.prepare('INSERT INTO operations (id, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING'),
  take: database.prepare(
    "UPDATE operations SET command = ?, expires_at = ?, state = 'accepted' WHERE id = ?",
  ),
  setState: database.prepare('UPDATE operations SET state = ? WHERE id = ?'),
  setCancelled: database.prepare('UPDATE operations SET is_cancelled = 1 WHERE id = ?'),
  setCheckpoint: database.prepare('UPDATE operations SET checkpoint = ? WHERE id = ?'),
  append: database.prepare('INSERT INTO appended (operation_id, bytes) VALUES (?, ?)'),
  appended: database.prepare('SELECT bytes FROM appended WHERE operation_id = ? ORDER BY id'),
  dropAppended: database.prepare('DELETE FROM appended WHERE operation_id = ?'),
  setSaid: database.prepare('UPDATE operations SET sequence = ?, last_event = ? WHERE id = ?'),
  unfinished: database.prepare(
    "SELECT id, command, state, is_cancelled, checkpoint FROM operations WHERE command IS NOT NULL AND state <> 'ended' ORDER BY number",
  ),
  unfinishedIds: database.prepare(
    "SELECT id FROM operations WHERE command IS NOT NULL AND state <> 'ended' ORDER BY number",
  ),
  post: database.prepare('INSERT INTO outbox (report) VALUES (?)'),
  pending: database.prepare('SELECT id, report FROM outbox ORDER BY id LIMIT ?'),
  remove: database.prepare('DELETE FROM outbox WHERE id = ?'),
  forget: database.prepare(
    "DELETE FROM operations WHERE expires_at < ? AND (state = 'ended' OR command IS NULL)",
  ),
})

/** Makes the file if there is none. One process at a time. */
export const openJournal = ({ path, node, now }: JournalSettings): Journal => {
  const database = openDatabase(path, 'every-commit', schema)
  const sql = statementsOf(database)
  const known = (id: string) => {
    const row = sql.find.get(id)
    return row && Known.parse(row)
  }
  const say = (operationId: string, event: ReportEvent): void => {
    const sequence = (known(operationId)?.sequence ?? 0) + 1
    sql.setSaid.run(sequence, JSON.stringify(event), operationId)
    const report: Report = {
      version: reportVersion,
      operationId,
      node,
      sequence,
      at: now().toISOString(),
      event,
    }
    sql.post.run(JSON.stringify(report))
  }
  return {
    accept: (command) =>
      atOnce(database, () => {
        const { operationId, expiresAt } = command
        sql.insert.run(operationId, expiresAt)
        const before = known(operationId)
        if (before?.last_event) {
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by `say` alone
          say(operationId, JSON.parse(before.last_event) as ReportEvent)
          return 'known'
        }
        sql.take.run(JSON.stringify(command), expiresAt, operationId)
        say(operationId, { kind: 'accepted' })
        return 'new'
      }),
    isKnown: (operationId) => known(operationId)?.last_event != null,
    refuse: (operationId, failure, expiresAt) =>
      atOnce(database, () => {
        sql.insert.run(operationId, expiresAt)
        // What is under way already is not ended by a second, unreadable command.
        if (known(operationId)?.last_event) return
        sql.setState.run('ended', operationId)
        say(operationId, { kind: 'refused', failure })
      }),
    cancel: (operationId, expiresAt) =>
      atOnce(database, () => {
        sql.insert.run(operationId, expiresAt)
        sql.setCancelled.run(operationId)
      }),
    isCancelled: (operationId) => known(operationId)?.is_cancelled === 1,
    unfinished: () =>
      sql.unfinished.all().map((found) => {
        const row = Row.parse(found)
        return entryOf(row, () => Buffer.concat(sql.appended.all(row.id).map(bytesOf)))
      }),
    unfinishedIds: () => sql.unfinishedIds.all().map(({ id }) => String(id)),
    begin: (operationId) =>
      atOnce(database, () => {
        sql.setState.run('begun', operationId)
        say(operationId, { kind: 'progress', progress: null })
      }),
    writeCheckpoint: (operationId, data, append) =>
      atOnce(database, () => {
        sql.setCheckpoint.run(JSON.stringify(data), operationId)
        if (append.length > 0) sql.append.run(operationId, append)
      }),
    report: (operationId, event) => atOnce(database, () => say(operationId, event)),
    end: (operationId, event) =>
      atOnce(database, () => {
        sql.setState.run('ended', operationId)
        sql.setCheckpoint.run(null, operationId)
        sql.dropAppended.run(operationId)
        say(operationId, event)
      }),
    outbox: (most) =>
      sql.pending.all(most).map((row) => ({
        id: Number(row.id),
        report: Report.parse(JSON.parse(String(row.report))),
      })),
    sent: (ids) =>
      atOnce(database, () => {
        for (const id of ids) sql.remove.run(id)
      }),
    forget: (time) => {
      sql.forget.run(time.toISOString())
    },
    close: () => database.close(),
  }
}

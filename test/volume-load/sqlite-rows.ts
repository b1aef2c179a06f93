/**
 * @module sqlite-rows: an SQLite database on a volume, written while snapshots are taken, and opened where it was restored.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { checkRows, rowCheck, rowWriter, type RowCount, type RowWriter } from './row-writer.ts'

export const journalModes = ['wal', 'delete'] as const
export type JournalMode = (typeof journalModes)[number]

const program = join(import.meta.dirname, 'commit-sqlite-rows.ts')
const databaseIn = (folder: string, mode: JournalMode): string => join(folder, `rows-${mode}.sqlite`)

export const sqliteWriter = (folder: string, mode: JournalMode): RowWriter =>
  rowWriter(spawn(process.execPath, [program, databaseIn(folder, mode), mode], { stdio: 'pipe' }), {
    name: `sqlite (${mode})`,
  })

/** Opening it replays its journal. How many rows it has. @throws Error unless all that were committed are there. */
export const checkSqliteRows = (folder: string, mode: JournalMode, committed: number): number => {
  const db = new DatabaseSync(databaseIn(folder, mode))
  try {
    const integrity = db.prepare('PRAGMA integrity_check').all()
    if (JSON.stringify(integrity) !== '[{"integrity_check":"ok"}]')
      throw new Error(`sqlite (${mode}): ${JSON.stringify(integrity)}`)
    const found = db.prepare(rowCheck(`printf('%0512d', n)`)).get() as unknown as RowCount
    checkRows(found, committed, `sqlite (${mode})`)
    return found.rows
  } finally {
    db.close()
  }
}

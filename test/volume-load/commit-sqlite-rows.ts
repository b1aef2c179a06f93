/**
 * @module commit-sqlite-rows: a program: commits numbered rows to an SQLite database until its stdin ends. See row-writer.ts.
 *
 * Arguments: the database, its journal mode (`wal`, `delete`).
 */
import { setTimeout } from 'node:timers/promises'
import { DatabaseSync } from 'node:sqlite'

const pauseMs = 4

const [path = '', journalMode = ''] = process.argv.slice(2)
const db = new DatabaseSync(path)
// Only EXTRA syncs the folder that the rollback journal is removed from, which is the commit. Source: sqlite.org/pragma.html.
db.exec(`
  PRAGMA journal_mode = ${journalMode};
  PRAGMA synchronous = ${journalMode === 'wal' ? 'FULL' : 'EXTRA'};
  PRAGMA wal_autocheckpoint = 200;
  CREATE TABLE rows (n INTEGER PRIMARY KEY, payload TEXT NOT NULL)`)
const insert = db.prepare(`INSERT INTO rows VALUES (?, printf('%0512d', ?))`)

const ending = new AbortController()
process.stdin.on('end', () => ending.abort()).resume()
for (let n = 1; !ending.signal.aborted; n++) {
  const began = performance.now()
  insert.run(n, n)
  process.stdout.write(`${n} ${Math.round(performance.now() - began)}\n`)
  await setTimeout(pauseMs)
}
db.close()

/**
 * @module sqlite-database: an SQLite file as all parts of Drover open theirs. One process at a time.
 */
import { DatabaseSync } from 'node:sqlite'

/**
 * `every-commit`: neither `kill -9` nor a power cut takes back what was committed. `kill-only`: a power cut may take back the last
 * moments, never a part of a commit; nine times as many commits a second. Source: https://sqlite.org/pragma.html#pragma_synchronous
 */
export type Durability = 'every-commit' | 'kill-only'

const synchronous: Record<Durability, string> = { 'every-commit': 'FULL', 'kill-only': 'NORMAL' }

/** Makes the file, and what of the schema is not there. */
export const openDatabase = (path: string, durability: Durability, schema: string): DatabaseSync => {
  const database = new DatabaseSync(path)
  database.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous[durability]}; PRAGMA busy_timeout = 5000`,
  )
  database.exec(schema)
  return database
}

/** All of it, or nothing. */
export const atOnce = <T>(database: DatabaseSync, work: () => T): T => {
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

/**
 * @module sqlite-leases: messages in a table of an SQLite file, of many queues. Survives `kill -9`, as sqlite-item-store.ts does.
 */
import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import * as z from 'zod'
import type { Clock } from '#lib/base/clock.ts'
import { leaseMs, retryAfterMs, type MessageLeases } from './message-leases.ts'
import { deduplicationMs, mostTries, type QueueMessage } from './queue.ts'

const schema = `
CREATE TABLE IF NOT EXISTS messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  queue TEXT NOT NULL,
  "group" TEXT NOT NULL,
  deduplication_id TEXT NOT NULL,
  body TEXT NOT NULL,
  lease TEXT,
  away_until_ms INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  is_dead INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS messages_waiting ON messages (queue, "group", id) WHERE is_dead = 0;
CREATE INDEX IF NOT EXISTS messages_lent ON messages (lease) WHERE lease IS NOT NULL;
CREATE TABLE IF NOT EXISTS seen (
  queue TEXT NOT NULL,
  deduplication_id TEXT NOT NULL,
  until_ms INTEGER NOT NULL,
  PRIMARY KEY (queue, deduplication_id)
) STRICT, WITHOUT ROWID;
`

const Row = z.object({ id: z.int(), group: z.string(), deduplication_id: z.string(), body: z.string() })

const messageOf = (found: unknown): QueueMessage & { id: number } => {
  const { id, group, deduplication_id: deduplicationId, body } = Row.parse(found)
  return { id, group, deduplicationId, body }
}

export interface SqliteQueues {
  leases(queue: string): MessageLeases
  /** All of a queue's messages, for when its node is removed. */
  removeQueue(queue: string): void
  close(): void
}

const columns = 'id, "group", deduplication_id, body'

/** Makes the file if there is none. One process at a time. */
export const sqliteQueues = (path: string, clock: Pick<Clock, 'now'>): SqliteQueues => {
  const database = new DatabaseSync(path)
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000')
  database.exec(schema)
  const forget = database.prepare('DELETE FROM seen WHERE until_ms <= ?')
  const see = database.prepare('INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
  const insert = database.prepare(
    'INSERT INTO messages (queue, "group", deduplication_id, body, away_until_ms, tries, is_dead) VALUES (?, ?, ?, ?, 0, 0, 0)',
  )
  const putAside = database.prepare(
    'UPDATE messages SET is_dead = 1, lease = NULL WHERE queue = ? AND is_dead = 0 AND tries >= ? AND away_until_ms <= ?',
  )
  const free = database.prepare(
    `SELECT ${columns} FROM messages WHERE queue = ? AND is_dead = 0 AND away_until_ms <= ? AND id IN
     (SELECT min(id) FROM messages WHERE queue = ? AND is_dead = 0 GROUP BY "group") ORDER BY id LIMIT ?`,
  )
  const lend = database.prepare(
    'UPDATE messages SET lease = ?, away_until_ms = ?, tries = tries + 1 WHERE id = ?',
  )
  const settle = database.prepare('DELETE FROM messages WHERE lease = ?')
  const triesOf = database.prepare('SELECT tries FROM messages WHERE lease = ?')
  const giveBack = database.prepare('UPDATE messages SET lease = NULL, away_until_ms = ? WHERE lease = ?')
  const dead = database.prepare(`SELECT ${columns} FROM messages WHERE queue = ? AND is_dead = 1 ORDER BY id`)
  const nowMs = () => clock.now().getTime()

  /** All or nothing. */
  const atOnce = <T>(work: () => T): T => {
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

  return {
    leases: (queue) => ({
      add: ({ group, deduplicationId, body }) =>
        atOnce(() => {
          forget.run(nowMs())
          if (see.run(queue, deduplicationId, nowMs() + deduplicationMs).changes === 0) return
          insert.run(queue, group, deduplicationId, body)
        }),
      lend: (most) =>
        atOnce(() => {
          putAside.run(queue, mostTries, nowMs())
          return free.all(queue, nowMs(), queue, most).map((row) => {
            const { id, ...message } = messageOf(row)
            const lease = randomUUID()
            lend.run(lease, nowMs() + leaseMs, id)
            return { message, lease }
          })
        }),
      settle: (lease) => {
        settle.run(lease)
      },
      giveBack: (lease) => {
        const row = triesOf.get(lease)
        if (row) giveBack.run(nowMs() + retryAfterMs(Number(row.tries)), lease)
      },
      dead: () =>
        dead.all(queue).map((row) => {
          const { id: _, ...message } = messageOf(row)
          return message
        }),
    }),
    removeQueue: (queue) => {
      for (const table of ['messages', 'seen'])
        database.prepare(`DELETE FROM ${table} WHERE queue = ?`).run(queue)
    },
    close: () => database.close(),
  }
}

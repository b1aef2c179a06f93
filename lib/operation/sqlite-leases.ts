/**
 * @module sqlite-leases: messages in a table of an SQLite file, of many queues. Survives `kill -9`, as sqlite-item-store.ts does.
 */
import { randomUUID } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import * as z from 'zod'
import type { Clock } from '#lib/base/clock.ts'
import { atOnce, openDatabase } from '#lib/base/sqlite-database.ts'
import { leaseMs as defaultLeaseMs, retryAfterMs, type MessageLeases } from './message-leases.ts'
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
  /** `leaseMs`: how long one may take over a message. Default: what suits those who only write it down. */
  leases(queue: string, settings?: { leaseMs?: number | undefined }): MessageLeases
  /** For a queue whose only receiver was this process, before it was started again: what it had taken is there at once. */
  giveBackAll(queue: string): void
  /** All of a queue's messages, for when its node is removed. */
  removeQueue(queue: string): void
  close(): void
}

const columns = 'id, "group", deduplication_id, body'

const statementsOf = (database: DatabaseSync) => ({
  forget: database.prepare('DELETE FROM seen WHERE until_ms <= ?'),
  see: database.prepare('INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT DO NOTHING'),
  insert: database.prepare(
    'INSERT INTO messages (queue, "group", deduplication_id, body, away_until_ms, tries, is_dead) VALUES (?, ?, ?, ?, 0, 0, 0)',
  ),
  putAside: database.prepare(
    'UPDATE messages SET is_dead = 1, lease = NULL WHERE queue = ? AND is_dead = 0 AND tries >= ? AND away_until_ms <= ?',
  ),
  free: database.prepare(
    `SELECT ${columns} FROM messages WHERE queue = ? AND is_dead = 0 AND away_until_ms <= ? AND id IN
     (SELECT min(id) FROM messages WHERE queue = ? AND is_dead = 0 GROUP BY "group") ORDER BY id LIMIT ?`,
  ),
  lend: database.prepare('UPDATE messages SET lease = ?, away_until_ms = ?, tries = tries + 1 WHERE id = ?'),
  settle: database.prepare('DELETE FROM messages WHERE lease = ?'),
  triesOf: database.prepare('SELECT tries FROM messages WHERE lease = ?'),
  giveBack: database.prepare('UPDATE messages SET lease = NULL, away_until_ms = ? WHERE lease = ?'),
  giveBackAll: database.prepare(
    'UPDATE messages SET lease = NULL, away_until_ms = 0, tries = max(tries - 1, 0) WHERE queue = ? AND lease IS NOT NULL',
  ),
  dead: database.prepare(`SELECT ${columns} FROM messages WHERE queue = ? AND is_dead = 1 ORDER BY id`),
})

/** Makes the file if there is none. One process at a time. */
export const sqliteQueues = (path: string, clock: Pick<Clock, 'now'>): SqliteQueues => {
  const database = openDatabase(path, 'kill-only', schema)
  const sql = statementsOf(database)
  const nowMs = () => clock.now().getTime()
  return {
    leases: (queue, { leaseMs = defaultLeaseMs } = {}) => ({
      add: ({ group, deduplicationId, body }) =>
        atOnce(database, () => {
          sql.forget.run(nowMs())
          if (sql.see.run(queue, deduplicationId, nowMs() + deduplicationMs).changes === 0) return
          sql.insert.run(queue, group, deduplicationId, body)
        }),
      lend: (most) =>
        atOnce(database, () => {
          sql.putAside.run(queue, mostTries, nowMs())
          return sql.free.all(queue, nowMs(), queue, most).map((row) => {
            const { id, ...message } = messageOf(row)
            const lease = randomUUID()
            sql.lend.run(lease, nowMs() + leaseMs, id)
            return { message, lease }
          })
        }),
      settle: (lease) => {
        sql.settle.run(lease)
      },
      giveBack: (lease) => {
        const row = sql.triesOf.get(lease)
        if (row) sql.giveBack.run(nowMs() + retryAfterMs(Number(row.tries)), lease)
      },
      dead: () =>
        sql.dead.all(queue).map((row) => {
          const { id: _, ...message } = messageOf(row)
          return message
        }),
    }),
    giveBackAll: (queue) => {
      sql.giveBackAll.run(queue)
    },
    removeQueue: (queue) => {
      for (const table of ['messages', 'seen'])
        database.prepare(`DELETE FROM ${table} WHERE queue = ?`).run(queue)
    },
    close: () => database.close(),
  }
}

/**
 * @module sqlite-item-store: an item store in a table of an SQLite file.
 */
import { randomUUID } from 'node:crypto'
import type { SQLInputValue } from 'node:sqlite'
import * as z from 'zod'
import { openDatabase } from '#lib/base/sqlite-database.ts'
import { decodeCursor, encodeCursor } from './item-cursor.ts'
import {
  checkItem,
  defaultPageItems,
  indexNames,
  type IndexName,
  type Item,
  type ItemKey,
  type ItemStore,
  type ItemValue,
  type Query,
  type StoredItem,
} from './item-store.ts'

const schema = `
CREATE TABLE IF NOT EXISTS items (
  partition TEXT NOT NULL,
  sort TEXT NOT NULL,
  version TEXT NOT NULL,
  value TEXT NOT NULL,
  first_partition TEXT,
  first_sort TEXT,
  second_partition TEXT,
  second_sort TEXT,
  expires_at INTEGER,
  PRIMARY KEY (partition, sort)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS items_first ON items (first_partition, first_sort, partition, sort) WHERE first_partition IS NOT NULL;
CREATE INDEX IF NOT EXISTS items_second ON items (second_partition, second_sort, partition, sort) WHERE second_partition IS NOT NULL;
CREATE INDEX IF NOT EXISTS items_expiry ON items (expires_at) WHERE expires_at IS NOT NULL;
`

const text = z.string().nullable()
const Row = z.object({
  partition: z.string(),
  sort: z.string(),
  version: z.string(),
  value: z.string(),
  first_partition: text,
  first_sort: text,
  second_partition: text,
  second_sort: text,
  expires_at: z.number().nullable(),
})
type Row = z.infer<typeof Row>

const indexKey = (partition: string | null, sort: string | null): ItemKey | undefined =>
  partition === null || sort === null ? undefined : { partition, sort }

const itemOf = (found: unknown): StoredItem => {
  const row = Row.parse(found)
  const indexes: Partial<Record<IndexName, ItemKey>> = {}
  const first = indexKey(row.first_partition, row.first_sort)
  const second = indexKey(row.second_partition, row.second_sort)
  if (first) indexes.first = first
  if (second) indexes.second = second
  return {
    key: { partition: row.partition, sort: row.sort },
    version: row.version,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by `put` alone
    value: JSON.parse(row.value) as ItemValue,
    ...((first || second) && { indexes }),
    ...(row.expires_at !== null && { expiresAt: row.expires_at }),
  }
}

const columnsOf = (item: Item, value: string, version: string): SQLInputValue[] => [
  version,
  value,
  ...indexNames.flatMap((name) => [
    item.indexes?.[name]?.partition ?? null,
    item.indexes?.[name]?.sort ?? null,
  ]),
  item.expiresAt ?? null,
]

const columnsFor = (index: Query['index']): { partition: string; sort: string } =>
  index
    ? { partition: `${index}_partition`, sort: `${index}_sort` }
    : { partition: 'partition', sort: 'sort' }

interface Statement {
  sql: string
  values: SQLInputValue[]
}

/** A prefix is a range, so that the index is used: `GLOB` and `LIKE` would need escaping. */
const queryStatement = (query: Query, limit: number): Statement => {
  const { index, partition, sortPrefix = '', order = 'ascending', after } = query
  const columns = columnsFor(index)
  const direction = order === 'ascending' ? { word: 'ASC', sign: '>' } : { word: 'DESC', sign: '<' }
  const where = [`${columns.partition} = ?`, `substr(${columns.sort}, 1, ?) = ?`, `${columns.sort} >= ?`]
  const values: SQLInputValue[] = [partition, Array.from(sortPrefix).length, sortPrefix, sortPrefix]
  if (after !== undefined) {
    const { sort, key } = decodeCursor(after)
    where.push(`(${columns.sort}, partition, sort) ${direction.sign} (?, ?, ?)`)
    values.push(sort, key.partition, key.sort)
  }
  const by = [columns.sort, 'partition', 'sort'].map((column) => `${column} ${direction.word}`).join(', ')
  return {
    sql: `SELECT * FROM items WHERE ${where.join(' AND ')} ORDER BY ${by} LIMIT ?`,
    values: [...values, limit + 1],
  }
}

export interface SqliteItemStore extends ItemStore {
  /** Deletes what has expired. */
  sweep(now: Date): void
  close(): void
}

/** Makes the file if there is none. One process at a time. */
export const sqliteItemStore = (path: string): SqliteItemStore => {
  const database = openDatabase(path, 'kill-only', schema)
  const select = database.prepare('SELECT * FROM items WHERE partition = ? AND sort = ?')
  const columns = 'version, value, first_partition, first_sort, second_partition, second_sort, expires_at'
  const insert = database.prepare(
    `INSERT INTO items (partition, sort, ${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  )
  const update = database.prepare(
    `UPDATE items SET (${columns}) = (?, ?, ?, ?, ?, ?, ?) WHERE partition = ? AND sort = ? AND version = ?`,
  )
  const remove = database.prepare('DELETE FROM items WHERE partition = ? AND sort = ? AND version = ?')
  const sweep = database.prepare('DELETE FROM items WHERE expires_at < ?')

  const find = ({ partition, sort }: ItemKey): StoredItem | undefined => {
    const row = select.get(partition, sort)
    return row && itemOf(row)
  }
  return {
    get: async (key) => find(key),
    getMany: async (keys) => keys.flatMap((key) => find(key) ?? []),
    put: async (item, expected) => {
      const value = checkItem(item)
      const version = randomUUID()
      const { partition, sort } = item.key
      const values = columnsOf(item, value, version)
      const { changes } =
        expected === 'absent'
          ? insert.run(partition, sort, ...values)
          : update.run(...values, partition, sort, expected.version)
      return changes === 1 ? { kind: 'written', version } : { kind: 'conflict' }
    },
    remove: async ({ partition, sort }, { version }) =>
      remove.run(partition, sort, version).changes === 1 ? 'removed' : 'conflict',
    query: async (query) => {
      const limit = query.limit ?? defaultPageItems
      const { sql, values } = queryStatement(query, limit)
      const found = database
        .prepare(sql)
        .all(...values)
        .map(itemOf)
      const items = found.slice(0, limit)
      const last = items.at(-1)
      const lastKey = last && (query.index ? last.indexes?.[query.index] : last.key)
      return {
        items,
        ...(last &&
          lastKey &&
          found.length > limit && { next: encodeCursor({ sort: lastKey.sort, key: last.key }) }),
      }
    },
    sweep: (now) => {
      sweep.run(Math.floor(now.getTime() / 1000))
    },
    close: () => database.close(),
  }
}

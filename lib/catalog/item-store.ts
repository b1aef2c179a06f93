/**
 * @module item-store: the port to where the catalog is kept: DynamoDB, SQLite, memory. Contract: item-store.contract.ts.
 *
 * - An item is found by a partition and a sort key, and by up to two more such pairs, its index keys.
 * - A write happens only if the item is as the writer last saw it. Nothing else is atomic over several items.
 * - A get, and a query of a partition, sees every write before it; a query of an index may lag a moment behind.
 * - What is given and got is plain data, a copy each time.
 *
 * Source of the limits: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
 */
import { CatalogError } from './catalog-error.ts'

export interface ItemKey {
  partition: string
  sort: string
}

export type ItemValue = { readonly [field: string]: JsonValue }
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | ItemValue

export const indexNames = ['first', 'second'] as const
export type IndexName = (typeof indexNames)[number]

export interface Item {
  key: ItemKey
  value: ItemValue
  /** Where else it is found. Left out: not in that index. */
  indexes?: Partial<Record<IndexName, ItemKey>> | undefined
  /** Unix seconds. It goes by itself some time after, and may be seen until then. */
  expiresAt?: number | undefined
}

export interface StoredItem extends Item {
  /** Another after each write. Opaque; compared, never computed. */
  version: string
}

/** `absent`: nothing is there. A version: it is still the one that was read. */
export type Expected = 'absent' | { version: string }

export type WriteResult = { kind: 'written'; version: string } | { kind: 'conflict' }

export interface Query {
  /** Default: the items' own keys. */
  index?: IndexName | undefined
  partition: string
  /** Only sort keys that begin with it. */
  sortPrefix?: string | undefined
  /** Default: ascending by sort key, as bytes of UTF-8. */
  order?: 'ascending' | 'descending' | undefined
  /** Items in a page, 1 to 1,000. Default: 100. */
  limit?: number | undefined
  /** What the page before gave as `next`. */
  after?: string | undefined
}

export interface Page {
  items: StoredItem[]
  /** Absent: that was the last. */
  next?: string
}

export interface ItemStore {
  get(key: ItemKey): Promise<StoredItem | undefined>
  /** Those that are there, in any order. Any number of keys. */
  getMany(keys: readonly ItemKey[]): Promise<StoredItem[]>
  /** @throws CatalogError `item-too-large`, `invalid-key`. */
  put(item: Item, expected: Expected): Promise<WriteResult>
  remove(key: ItemKey, expected: { version: string }): Promise<'removed' | 'conflict'>
  /** @throws CatalogError `invalid-cursor`. */
  query(query: Query): Promise<Page>
}

/** DynamoDB's 400 KB, less room for keys and names. */
export const maxItemBytes = 380_000
const maxPartitionBytes = 2048
export const maxSortBytes = 1024
export const maxPageItems = 1000
export const defaultPageItems = 100

const checkPart = (what: string, part: string, mostBytes: number): void => {
  const sizeBytes = Buffer.byteLength(part)
  if (sizeBytes > 0 && sizeBytes <= mostBytes) return
  throw new CatalogError('invalid-key', `${what} key of ${sizeBytes} bytes`, {
    hint: `it has 1 to ${mostBytes} bytes`,
  })
}

export const checkItemKey = ({ partition, sort }: ItemKey): void => {
  checkPart('partition', partition, maxPartitionBytes)
  checkPart('sort', sort, maxSortBytes)
}

/** DynamoDB's adapter parts it by U+0000 from what makes it unique. */
const checkIndexKey = (key: ItemKey): void => {
  checkItemKey(key)
  if (!key.sort.includes('\u0000')) return
  throw new CatalogError('invalid-key', 'an index sort key with U+0000', { hint: 'leave it out' })
}

/** Every adapter keeps to the narrowest one's limits. @throws CatalogError `item-too-large`, `invalid-key`. */
export const checkItem = ({ key, value, indexes }: Item): string => {
  checkItemKey(key)
  for (const name of indexNames) if (indexes?.[name]) checkIndexKey(indexes[name])
  const text = JSON.stringify(value)
  const sizeBytes = Buffer.byteLength(text)
  if (sizeBytes <= maxItemBytes) return text
  throw new CatalogError('item-too-large', `item ${key.partition} ${key.sort} has ${sizeBytes} bytes`, {
    hint: `an item has at most ${maxItemBytes} bytes`,
  })
}

/** All pages of a query, one after another. */
export const queryAll = async function* (
  store: Pick<ItemStore, 'query'>,
  query: Omit<Query, 'after'>,
): AsyncGenerator<StoredItem> {
  let after: string | undefined
  do {
    const page = await store.query({ limit: maxPageItems, ...query, after })
    yield* page.items
    after = page.next
  } while (after !== undefined)
}

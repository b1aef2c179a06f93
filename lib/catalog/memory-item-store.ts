/**
 * @module memory-item-store: an item store in memory, for tests and simulations.
 */
import { decodeCursor, encodeCursor, type PageEnd } from './item-cursor.ts'
import {
  checkItem,
  defaultPageItems,
  type Item,
  type ItemKey,
  type ItemStore,
  type Query,
  type StoredItem,
} from './item-store.ts'

const compareText = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

const compareEnds = (a: PageEnd, b: PageEnd): number =>
  compareText(a.sort, b.sort) ||
  compareText(a.key.partition, b.key.partition) ||
  compareText(a.key.sort, b.key.sort)

const idOf = ({ partition, sort }: ItemKey): string => JSON.stringify([partition, sort])

const keyIn = (item: Item, index: Query['index']): ItemKey | undefined =>
  index ? item.indexes?.[index] : item.key

export const memoryItemStore = (): ItemStore => {
  const items = new Map<string, StoredItem>()
  let writes = 0

  const matching = ({ index, partition, sortPrefix = '' }: Query): { item: StoredItem; end: PageEnd }[] =>
    [...items.values()].flatMap((item) => {
      const key = keyIn(item, index)
      const isWanted = key?.partition === partition && key.sort.startsWith(sortPrefix)
      return key && isWanted ? [{ item, end: { sort: key.sort, key: item.key } }] : []
    })

  return {
    get: async (key) => structuredClone(items.get(idOf(key))),
    getMany: async (keys) =>
      keys.flatMap((key) => {
        const found = items.get(idOf(key))
        return found ? [structuredClone(found)] : []
      }),
    put: async (item, expected) => {
      checkItem(item)
      const there = items.get(idOf(item.key))
      if (expected === 'absent' ? there : there?.version !== expected.version) return { kind: 'conflict' }
      const version = String(++writes)
      items.set(idOf(item.key), structuredClone({ ...item, version }))
      return { kind: 'written', version }
    },
    remove: async (key, { version }) => {
      if (items.get(idOf(key))?.version !== version) return 'conflict'
      items.delete(idOf(key))
      return 'removed'
    },
    query: async (query) => {
      const { order = 'ascending', limit = defaultPageItems, after } = query
      const direction = order === 'ascending' ? 1 : -1
      const start = after === undefined ? undefined : decodeCursor(after)
      const found = matching(query)
        .filter(({ end }) => !start || compareEnds(end, start) * direction > 0)
        .toSorted((a, b) => compareEnds(a.end, b.end) * direction)
      const page = found.slice(0, limit)
      const last = page.at(-1)
      return {
        items: page.map(({ item }) => structuredClone(item)),
        ...(last && found.length > limit && { next: encodeCursor(last.end) }),
      }
    },
  }
}

/**
 * @module collection: one kind of thing in the catalog: its schema, its key, and reading, making and changing it safely.
 *
 * A change is a function of what is there; when another writer came first it is asked again with what that one wrote.
 */
import type * as z from 'zod'
import { CatalogError } from './catalog-error.ts'
import {
  queryAll,
  type IndexName,
  type Item,
  type ItemKey,
  type ItemStore,
  type ItemValue,
  type Query,
  type StoredItem,
} from './item-store.ts'

export interface CollectionSettings<T> {
  /** For messages: `volume`. */
  what: string
  schema: z.ZodType<T>
  keyOf: (value: T) => ItemKey
  indexesOf?: ((value: T) => Partial<Record<IndexName, ItemKey>>) | undefined
  /** Unix seconds; `undefined`: it stays. */
  expiresAtOf?: ((value: T) => number | undefined) | undefined
}

export interface Listed<T> {
  values: T[]
  /** Absent: that was the last page. */
  next?: string
}

export interface Collection<T> {
  get(key: ItemKey): Promise<T | undefined>
  getMany(keys: readonly ItemKey[]): Promise<T[]>
  list(query: Query): Promise<Listed<T>>
  all(query: Omit<Query, 'after' | 'limit'>): AsyncGenerator<T>
  /** `false`: there is one by its key. */
  create(value: T): Promise<boolean>
  /**
   * `change` gets what is there and gives what shall be, or `undefined` for no change. It may be called more than once.
   * @returns what is there afterwards. @throws CatalogError `busy`.
   */
  change(key: ItemKey, change: (there: T | undefined) => T | undefined): Promise<T | undefined>
  /** Nothing there is fine. @returns whether `isWanted` let it go, and it went. */
  remove(key: ItemKey, isWanted?: (there: T) => boolean): Promise<boolean>
}

const tries = 20

export const collection = <T extends object>(
  store: ItemStore,
  settings: CollectionSettings<T>,
): Collection<T> => {
  const { what, schema, keyOf, indexesOf, expiresAtOf } = settings

  const valueOf = ({ key, value }: StoredItem): T => {
    const read = schema.safeParse(value)
    if (read.success) return read.data
    throw new CatalogError('damaged', `${what} ${key.sort} in the catalog cannot be read`, {
      cause: read.error,
      hint: 'a newer version may have written it',
    })
  }
  const itemOf = (value: T): Item => {
    const expiresAt = expiresAtOf?.(value)
    return {
      key: keyOf(value),
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the schema lets through is JSON
      value: value as unknown as ItemValue,
      ...(indexesOf && { indexes: indexesOf(value) }),
      ...(expiresAt !== undefined && { expiresAt }),
    }
  }
  const busy = ({ sort }: ItemKey): CatalogError =>
    new CatalogError('busy', `${what} ${sort} is being changed by others all the time`, { hint: 'try again' })

  return {
    get: async (key) => {
      const found = await store.get(key)
      return found && valueOf(found)
    },
    getMany: async (keys) => (await store.getMany(keys)).map(valueOf),
    list: async (query) => {
      const { items, next } = await store.query(query)
      return { values: items.map(valueOf), ...(next !== undefined && { next }) }
    },
    all: async function* (query) {
      for await (const item of queryAll(store, query)) yield valueOf(item)
    },
    create: async (value) => (await store.put(itemOf(value), 'absent')).kind === 'written',
    change: async (key, change) => {
      for (let attempt = 1; attempt <= tries; attempt++) {
        const found = await store.get(key)
        const there = found && valueOf(found)
        const wanted = change(there)
        if (!wanted) return there
        const result = await store.put(itemOf(wanted), found ? { version: found.version } : 'absent')
        if (result.kind === 'written') return wanted
      }
      throw busy(key)
    },
    remove: async (key, isWanted = () => true) => {
      for (let attempt = 1; attempt <= tries; attempt++) {
        const found = await store.get(key)
        if (!found || !isWanted(valueOf(found))) return false
        if ((await store.remove(key, found)) === 'removed') return true
      }
      throw busy(key)
    },
  }
}

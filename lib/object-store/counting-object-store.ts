/**
 * @module counting-object-store: counts the requests that a store is asked, as a bill of S3 would.
 */
import type { ObjectStore } from './object-store.ts'

export interface ObjectStoreCalls {
  get: number
  put: number
  head: number
  /** Each page is one. */
  list: number
  /** Each request is one, however many keys. */
  delete: number
  copy: number
  total: number
}

export interface CountingObjectStore {
  store: ObjectStore
  calls: ObjectStoreCalls
  /** In the order asked: `put a/b`, `list a/`, `delete a/b c`, `copy a b`. */
  log: string[]
}

/** Counts what is asked, whether it succeeds or not; but of a listing, the pages that came. */
export const countingObjectStore = (store: ObjectStore): CountingObjectStore => {
  const calls: ObjectStoreCalls = { get: 0, put: 0, head: 0, list: 0, delete: 0, copy: 0, total: 0 }
  const log: string[] = []
  const count = (kind: Exclude<keyof ObjectStoreCalls, 'total'>, ...subjects: readonly string[]): void => {
    calls[kind] += 1
    calls.total += 1
    log.push([kind, ...subjects].join(' '))
  }
  const counting: ObjectStore = {
    description: store.description,
    get listsAfterWrites() {
      return store.listsAfterWrites
    },
    get: (key, options) => {
      count('get', key)
      return store.get(key, options)
    },
    put: (key, body, options) => {
      count('put', key)
      return store.put(key, body, options)
    },
    copy: (fromKey, toKey, options) => {
      count('copy', fromKey, toKey)
      return store.copy(fromKey, toKey, options)
    },
    head: (key, options) => {
      count('head', key)
      return store.head(key, options)
    },
    list: async function* (prefix, options) {
      for await (const page of store.list(prefix, options)) {
        count('list', prefix)
        yield page
      }
    },
    deleteMany: (keys, options) => {
      count('delete', ...keys)
      return store.deleteMany(keys, options)
    },
  }
  return { store: counting, calls, log }
}

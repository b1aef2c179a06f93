/**
 * @module memory-object-store: an object store in this process, for tests and simulations.
 *
 * Every call does its work before it first waits, and nothing waits for a timer: thousands of simulated runs take seconds,
 * and the same calls in the same order give the same store, etags included.
 */
import { type Clock, systemClock } from '#lib/base/clock.ts'
import { bodyChunks, bodySizeBytes, checkMaxBytes, clampRange, closingBody, ownError } from './object-body.ts'
import { checkKey, checkKeysToDelete, checkPrefix } from './object-key.ts'
import type {
  Body,
  CallOptions,
  GetOptions,
  ListOptions,
  ListPage,
  ObjectHead,
  ObjectStore,
  PutCondition,
  PutOptions,
  PutResult,
  StoredObject,
} from './object-store.ts'

export interface MemoryObjectStoreSettings {
  clock?: Pick<Clock, 'now'>
  /** Both times of a head are cut to a multiple of it; `1_000_000_000n` is S3's. Default: the clock's. */
  timeGranularityNs?: bigint
}

/** Beside the port, a way for tests to look at what is stored, and to damage it. */
export interface MemoryObjectStore extends ObjectStore {
  keys(): string[]
  bytesAt(key: string): Uint8Array | undefined
  /** As somebody else would: with a new etag, and the time given or that of the clock. */
  setBytes(key: string, bytes: Uint8Array, lastModifiedNs?: bigint): void
  remove(key: string): void
  /** A store of its own with the same content, etags and times; with the same settings if no others are given. */
  clone(settings?: MemoryObjectStoreSettings): MemoryObjectStore
}

interface Entry {
  bytes: Uint8Array
  etag: string
  lastModifiedNs: bigint
}

interface State {
  entries: Map<string, Entry>
  putCount: number
}

const pageSize = 1000

const holds = (condition: PutCondition | undefined, current: Entry | undefined): boolean => {
  if (!condition) return true
  return condition.kind === 'absent' ? !current : current?.etag === condition.etag
}

const collect = async (key: string, body: Body): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  try {
    for await (const chunk of bodyChunks(key, body)) chunks.push(new Uint8Array(chunk))
  } catch (error) {
    throw ownError(error)
  }
  return Buffer.concat(chunks, bodySizeBytes(body))
}

const listed = (entries: ReadonlyMap<string, Entry>, prefix: string, delimiter: '/' | undefined) => {
  const items = new Map<string, { key: string; sizeBytes: number } | undefined>()
  for (const [key, { bytes }] of entries) {
    if (!key.startsWith(prefix)) continue
    const end = delimiter ? key.indexOf('/', prefix.length) : -1
    if (end < 0) items.set(key, { key, sizeBytes: bytes.byteLength })
    else items.set(key.slice(0, end + 1), undefined)
  }
  return [...items].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

const oneChunk = (bytes: Uint8Array): AsyncIterable<Uint8Array> => {
  let left: Uint8Array | undefined = bytes.byteLength > 0 ? bytes : undefined
  return closingBody({
    next: async () => {
      const chunk = left
      left = undefined
      return chunk
    },
    close: async () => {},
  })
}

const storeOver = (state: State, settings: MemoryObjectStoreSettings): MemoryObjectStore => {
  const { clock = systemClock, timeGranularityNs = 1n } = settings
  const { entries } = state

  const nowNs = (): bigint => {
    const time = BigInt(clock.now().getTime()) * 1_000_000n
    return time - (time % timeGranularityNs)
  }

  const set = (key: string, bytes: Uint8Array, lastModifiedNs: bigint): string => {
    state.putCount += 1
    const etag = `"${state.putCount}"`
    entries.set(key, { bytes, etag, lastModifiedNs })
    return etag
  }

  const headOf = (key: string, { bytes, etag, lastModifiedNs }: Entry): ObjectHead => ({
    key,
    sizeBytes: bytes.byteLength,
    etag,
    lastModifiedNs,
    serverTimeNs: nowNs(),
  })

  const get = async (key: string, options?: GetOptions): Promise<StoredObject | undefined> => {
    checkKey(key)
    options?.signal?.throwIfAborted()
    const entry = entries.get(key)
    if (!entry) return undefined
    const { offsetBytes, lengthBytes } = clampRange(entry.bytes.byteLength, options?.range)
    checkMaxBytes(key, lengthBytes, options)
    const bytes = new Uint8Array(entry.bytes.subarray(offsetBytes, offsetBytes + lengthBytes))
    return { head: headOf(key, entry), body: oneChunk(bytes) }
  }

  const put = async (key: string, body: Body, options?: PutOptions): Promise<PutResult> => {
    checkKey(key)
    options?.signal?.throwIfAborted()
    const bytes = body instanceof Uint8Array ? new Uint8Array(body) : await collect(key, body)
    options?.signal?.throwIfAborted()
    if (!holds(options?.condition, entries.get(key))) return { kind: 'refused' }
    const serverTimeNs = nowNs()
    return { kind: 'stored', etag: set(key, bytes, serverTimeNs), serverTimeNs }
  }

  const copy = async (fromKey: string, toKey: string, options?: CallOptions) => {
    checkKey(fromKey)
    checkKey(toKey)
    options?.signal?.throwIfAborted()
    const entry = entries.get(fromKey)
    return entry && { etag: set(toKey, entry.bytes, nowNs()) }
  }

  const head = async (key: string, options?: CallOptions): Promise<ObjectHead | undefined> => {
    checkKey(key)
    options?.signal?.throwIfAborted()
    const entry = entries.get(key)
    return entry && headOf(key, entry)
  }

  const list = async function* (prefix: string, options?: ListOptions): AsyncGenerator<ListPage> {
    checkPrefix(prefix)
    options?.signal?.throwIfAborted()
    const items = listed(entries, prefix, options?.delimiter)
    for (let start = 0; start === 0 || start < items.length; start += pageSize) {
      options?.signal?.throwIfAborted()
      const page: ListPage = { objects: [], folders: [] }
      for (const [name, object] of items.slice(start, start + pageSize)) {
        if (object) page.objects.push(object)
        else page.folders.push(name)
      }
      yield page
    }
  }

  const deleteMany = async (keys: readonly string[], options?: CallOptions): Promise<void> => {
    checkKeysToDelete(keys)
    options?.signal?.throwIfAborted()
    for (const key of keys) entries.delete(key)
  }

  return {
    description: 'memory:',
    listsAfterWrites: true,
    get,
    put,
    copy,
    head,
    list,
    deleteMany,
    keys: () => [...entries.keys()].toSorted(),
    bytesAt: (key) => {
      const entry = entries.get(key)
      return entry && new Uint8Array(entry.bytes)
    },
    setBytes: (key, bytes, lastModifiedNs = nowNs()) => {
      set(key, new Uint8Array(bytes), lastModifiedNs)
    },
    remove: (key) => {
      entries.delete(key)
    },
    clone: (others = settings) => storeOver({ entries: new Map(entries), putCount: state.putCount }, others),
  }
}

export const memoryObjectStore = (settings: MemoryObjectStoreSettings = {}): MemoryObjectStore =>
  storeOver({ entries: new Map(), putCount: 0 }, settings)

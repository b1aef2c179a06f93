/**
 * @module faulty-object-store: a store whose calls fail, hang, or end with the whole process, by a script.
 *
 * Calls are numbered from 1 in the order they begin; each page of a listing and each body that is begun to be read is one. So a
 * run without faults tells how many there are, and a test can strike at each of them in turn.
 *
 * Writes take a few turns of the event loop's microtasks before they are done, and an answer a few more, so that a crash meets
 * writes that were begun and not acknowledged. Each of those is kept or lost by the seed; of a delete, each key.
 */
import { type Clock, systemClock } from '#lib/base/clock.ts'
import { timeoutError } from './call-limits.ts'
import { changedWhileRead, closingBody } from './object-body.ts'
import {
  type CallOptions,
  type ListPage,
  type ObjectStore,
  ObjectStoreError,
  type StoredObject,
} from './object-store.ts'
import { randomFrom } from './seeded-random.ts'

export type Fault =
  /** Nothing is done. */
  | { kind: 'fail'; error: ObjectStoreError }
  /** It is done, but the answer is lost. */
  | { kind: 'fail-after'; error: ObjectStoreError }
  /** Until the signal, the deadline or the crash. Nothing is done. */
  | { kind: 'hang' }
  /** A body ends half-way, `changed`; any other call breaks off, `unreachable`, and nothing is done. */
  | { kind: 'cut-short' }
  /** This call, done or not or by the seed, and every later one throws a CrashError. */
  | { kind: 'crash'; when: 'before' | 'after' | 'either' }

export interface FaultyCall {
  number: number
  method: 'get' | 'body' | 'put' | 'copy' | 'head' | 'list' | 'delete'
  /** Of several, the first; of a listing, the prefix. */
  key: string
}

export type FaultScript = Readonly<Record<number, Fault>> | ((call: FaultyCall) => Fault | undefined)

/** The process is gone: nothing that runs in it may go on, nor take this for a failure of the store. */
export class CrashError extends Error {
  constructor() {
    super('crashed')
    this.name = 'CrashError'
  }
}

export interface FaultyObjectStore extends ObjectStore {
  /** Calls begun so far. */
  callCount(): number
  hasCrashed(): boolean
}

export interface FaultyObjectStoreSettings {
  seed?: number
  /** For the deadlines of calls that hang. */
  clock?: Pick<Clock, 'sleep'>
}

const maxTurns = 4

/** The part of a fault that every call has in common. */
const faultLine = (script: FaultScript, { seed = 1, clock = systemClock }: FaultyObjectStoreSettings) => {
  const random = randomFrom(seed)
  const { promise: crashed, reject: crash } = Promise.withResolvers<never>()
  crashed.catch(() => {})
  let count = 0
  let isCrashed = false

  const checkAlive = (): void => {
    if (isCrashed) throw new CrashError()
  }

  const keeps = (): boolean => random() < 0.5

  const someTurns = async (): Promise<void> => {
    for (let turns = Math.floor(random() * maxTurns); turns >= 0; turns -= 1) await Promise.resolve()
  }

  const begin = (method: FaultyCall['method'], key: string): Fault | undefined => {
    checkAlive()
    count += 1
    return typeof script === 'function' ? script({ number: count, method, key }) : script[count]
  }

  const hang = async (options: CallOptions | undefined): Promise<never> => {
    const { signal, deadlineMs } = options ?? {}
    const over = new AbortController()
    const ends: Promise<never>[] = [crashed]
    if (signal) ends.push(rejectedBy(signal))
    if (deadlineMs !== undefined) {
      const error = timeoutError({ what: 'a call that hangs', options, defaultDeadlineMs: 0 })
      const limit = clock.sleep(deadlineMs, over.signal).then(() => {
        throw error
      })
      ends.push(limit)
    }
    return Promise.race(ends).finally(() => over.abort())
  }

  const endWith = async (when: 'before' | 'after' | 'either', work: Work<unknown>): Promise<never> => {
    isCrashed = true
    crash(new CrashError())
    if (when === 'after') await work.whole().catch(() => {})
    if (when === 'either') await work.partly?.().catch(() => {})
    throw new CrashError()
  }

  const perform = async <T>(
    fault: Fault | undefined,
    options: CallOptions | undefined,
    work: Work<T>,
  ): Promise<T> => {
    switch (fault?.kind) {
      case 'fail':
        throw fault.error
      case 'fail-after':
        await work.whole()
        throw fault.error
      case 'hang':
        return hang(options)
      case 'cut-short':
        throw new ObjectStoreError('unreachable', 'the connection broke off')
      case 'crash':
        return endWith(fault.when, work)
      case undefined: {
        const result = work.partly ? await write(work.whole, work.partly) : await work.whole()
        checkAlive()
        return result
      }
      default:
        return fault satisfies never
    }
  }

  const write = async <T>(whole: () => Promise<T>, partly: () => Promise<void>): Promise<T> => {
    await someTurns()
    if (isCrashed) {
      await partly().catch(() => {})
      throw new CrashError()
    }
    const result = await whole()
    await someTurns()
    return result
  }

  return { begin, perform, keeps, checkAlive, callCount: () => count, hasCrashed: () => isCrashed }
}

interface Work<T> {
  whole: () => Promise<T>
  /** Of a write: what the seed keeps of it when it was not acknowledged. */
  partly?: () => Promise<void>
}

const rejectedBy = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })

export const faultyObjectStore = (
  store: ObjectStore,
  script: FaultScript,
  settings: FaultyObjectStoreSettings = {},
): FaultyObjectStore => {
  const line = faultLine(script, settings)

  const bodyOf = (
    key: string,
    object: StoredObject,
    options: CallOptions | undefined,
    isCut: boolean,
  ): AsyncIterable<Uint8Array> => {
    const chunks = object.body[Symbol.asyncIterator]()
    let isBegun = false
    let endsEarly = isCut
    let givenBytes = 0
    const begin = async () => {
      isBegun = true
      const fault = line.begin('body', key)
      if (fault?.kind === 'cut-short') endsEarly = true
      else await line.perform(fault, options, { whole: async () => {} })
    }
    const next = async (): Promise<Uint8Array | undefined> => {
      if (!isBegun) await begin()
      line.checkAlive()
      const { done, value } = await chunks.next()
      if (!endsEarly) return done ? undefined : value
      if (done || givenBytes > 0) throw changedWhileRead(key, givenBytes, object.head.sizeBytes)
      const half = value.subarray(0, Math.ceil(value.byteLength / 2))
      givenBytes = half.byteLength
      return half
    }
    return closingBody({
      next,
      close: async () => {
        await chunks.return?.()
      },
    })
  }

  return {
    description: store.description,
    get listsAfterWrites() {
      return store.listsAfterWrites
    },
    callCount: line.callCount,
    hasCrashed: line.hasCrashed,

    get: async (key, options) => {
      const fault = line.begin('get', key)
      const isCut = fault?.kind === 'cut-short'
      const object = await line.perform(isCut ? undefined : fault, options, {
        whole: () => store.get(key, options),
      })
      return object && { head: object.head, body: bodyOf(key, object, options, isCut) }
    },

    put: async (key, body, options) =>
      line.perform(line.begin('put', key), options, {
        whole: () => store.put(key, body, options),
        partly: async () => {
          if (line.keeps()) await store.put(key, body, options)
        },
      }),

    copy: async (fromKey, toKey, options) =>
      line.perform(line.begin('copy', fromKey), options, {
        whole: () => store.copy(fromKey, toKey, options),
        partly: async () => {
          if (line.keeps()) await store.copy(fromKey, toKey, options)
        },
      }),

    head: async (key, options) =>
      line.perform(line.begin('head', key), options, { whole: () => store.head(key, options) }),

    list: async function* (prefix, options): AsyncGenerator<ListPage> {
      // The page comes first, since only it tells that there was one more request to make.
      for await (const page of store.list(prefix, options)) {
        yield await line.perform(line.begin('list', prefix), options, { whole: async () => page })
      }
    },

    deleteMany: async (keys, options) =>
      line.perform(line.begin('delete', keys[0] ?? ''), options, {
        whole: () => store.deleteMany(keys, options),
        partly: () => store.deleteMany(keys.filter(line.keeps), options),
      }),
  }
}

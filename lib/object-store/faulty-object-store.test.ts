import { describe, expect, it } from 'vitest'
import { CrashError, type Fault, type FaultScript, faultyObjectStore } from './faulty-object-store.ts'
import { memoryObjectStore } from './memory-object-store.ts'
import { objectStoreContract } from './object-store.contract.ts'
import { getBytes, type ObjectStore, ObjectStoreError } from './object-store.ts'

objectStoreContract('faulty without a fault', {
  makeStore: () => faultyObjectStore(memoryObjectStore(), {}),
  namesMayBeFolders: true,
})

const x = new Uint8Array([1, 2, 3, 4])
const error = new ObjectStoreError('failed', 'by the script')

const storeWith = (script: FaultScript, seed = 1) => {
  const memory = memoryObjectStore()
  memory.setBytes('there', x)
  return { memory, store: faultyObjectStore(memory, script, { seed }) }
}

const calls: { title: string; call: (store: ObjectStore) => Promise<unknown> }[] = [
  { title: 'get', call: (store) => store.get('there') },
  { title: 'put', call: (store) => store.put('new', x) },
  { title: 'copy', call: (store) => store.copy('there', 'new') },
  { title: 'head', call: (store) => store.head('there') },
  { title: 'deleteMany', call: (store) => store.deleteMany(['there']) },
  {
    title: 'list',
    call: async (store) => {
      for await (const page of store.list('')) expect(page.objects.length).toBeGreaterThan(0)
    },
  },
]

describe('faulty object store', () => {
  it('numbers every call, each page and each body', async () => {
    const seen: string[] = []
    const { memory, store } = storeWith(({ number, method, key }) => {
      seen.push(`${number} ${method} ${key}`)
      return undefined
    })
    for (let index = 0; index < 1500; index += 1) memory.setBytes(`p/${index}`, x)
    await store.put('a', x)
    await getBytes(store, 'a', { maxBytes: 4 })
    await store.head('a')
    for await (const page of store.list('p/')) expect(page.objects.length).toBeGreaterThan(0)
    await store.copy('a', 'b')
    await store.deleteMany(['a', 'b'])
    const inOrder = ['put a', 'get a', 'body a', 'head a', 'list p/', 'list p/', 'copy a', 'delete a']
    expect(seen).toEqual(inOrder.map((call, index) => `${index + 1} ${call}`))
    expect(store.callCount()).toBe(inOrder.length)
  })

  it.each(calls)('fails a $title before it is done', async ({ call }) => {
    const { memory, store } = storeWith({ 1: { kind: 'fail', error } })
    await expect(call(store)).rejects.toBe(error)
    expect(memory.keys()).toEqual(['there'])
    await call(store)
  })

  it('loses the answer of a put, a copy or a delete that is done', async () => {
    const { memory, store } = storeWith(() => ({ kind: 'fail-after', error }))
    await expect(store.put('a', x)).rejects.toBe(error)
    await expect(store.copy('a', 'b')).rejects.toBe(error)
    await expect(store.deleteMany(['there'])).rejects.toBe(error)
    expect(memory.keys()).toEqual(['a', 'b'])
  })

  it.each(calls)('lets a $title hang until the signal is aborted', async ({ call }) => {
    const { memory, store } = storeWith({ 1: { kind: 'hang' } })
    const controller = new AbortController()
    const withSignal: ObjectStore = {
      ...store,
      get: (key) => store.get(key, { signal: controller.signal }),
      put: (key, body) => store.put(key, body, { signal: controller.signal }),
      copy: (from, to) => store.copy(from, to, { signal: controller.signal }),
      head: (key) => store.head(key, { signal: controller.signal }),
      list: (prefix) => store.list(prefix, { signal: controller.signal }),
      deleteMany: (keys) => store.deleteMany(keys, { signal: controller.signal }),
    }
    const reason = new Error('enough')
    setTimeout(() => controller.abort(reason), 5)
    await expect(call(withSignal)).rejects.toBe(reason)
    expect(memory.keys()).toEqual(['there'])
  })

  it('ends a hanging call at its deadline, or with a crash', async () => {
    const { store } = storeWith({
      1: { kind: 'hang' },
      2: { kind: 'hang' },
      3: { kind: 'crash', when: 'before' },
    })
    await expect(store.put('a', x, { deadlineMs: 5 })).rejects.toMatchObject({ code: 'timeout' })
    const hanging = store.head('there')
    await expect(store.head('there')).rejects.toBeInstanceOf(CrashError)
    await expect(hanging).rejects.toBeInstanceOf(CrashError)
  })

  it.each([1, 2])('cuts a body short at call %i', async (number) => {
    const { store } = storeWith({ [number]: { kind: 'cut-short' } })
    const object = await store.get('there')
    const chunks: Uint8Array[] = []
    const read = async () => {
      for await (const chunk of object?.body ?? []) chunks.push(chunk)
    }
    await expect(read()).rejects.toMatchObject({ code: 'changed' })
    expect(Buffer.concat(chunks)).toEqual(Buffer.from([1, 2]))
  })

  it('stores nothing of a put that is cut short', async () => {
    const { memory, store } = storeWith({ 1: { kind: 'cut-short' } })
    await expect(store.put('a', x)).rejects.toMatchObject({ code: 'unreachable' })
    expect(memory.keys()).toEqual(['there'])
  })
})

describe('faulty object store: crashes', () => {
  it.each<{ when: 'before' | 'after'; keys: string[] }>([
    { when: 'before', keys: ['a', 'there'] },
    { when: 'after', keys: ['a', 'b', 'there'] },
  ])('crashes $when a put, and for good', async ({ when, keys }) => {
    const { memory, store } = storeWith({ 2: { kind: 'crash', when } })
    await store.put('a', x)
    expect(store.hasCrashed()).toBe(false)
    await expect(store.put('b', x)).rejects.toBeInstanceOf(CrashError)
    expect(store.hasCrashed()).toBe(true)
    for (const { call } of calls) await expect(call(store)).rejects.toBeInstanceOf(CrashError)
    expect(memory.keys()).toEqual(keys)
  })

  it('ends a body and a listing that are being read', async () => {
    const { store } = storeWith({ 4: { kind: 'crash', when: 'before' } })
    const object = await store.get('there')
    const listing = store.list('')[Symbol.asyncIterator]()
    const body = object?.body[Symbol.asyncIterator]()
    await body?.next()
    await listing.next()
    await expect(store.head('there')).rejects.toBeInstanceOf(CrashError)
    await expect(body?.next()).rejects.toBeInstanceOf(CrashError)
  })

  const crash: Fault = { kind: 'crash', when: 'either' }
  const afterCrash = async (seed: number) => {
    const { memory, store } = storeWith({ 1: crash }, seed)
    await expect(store.put('a', x)).rejects.toBeInstanceOf(CrashError)
    return memory.keys().includes('a')
  }

  it('keeps or loses the put it strikes by the seed, the same for the same', async () => {
    const seeds = Array.from({ length: 40 }, (_, seed) => seed)
    const [first, again] = [
      await Promise.all(seeds.map(afterCrash)),
      await Promise.all(seeds.map(afterCrash)),
    ]
    expect(again).toEqual(first)
    expect(new Set(first)).toEqual(new Set([true, false]))
  })

  it('keeps or loses each put that was begun and not acknowledged', async () => {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < 60; seed += 1) {
      const { memory, store } = storeWith({ 4: { kind: 'crash', when: 'before' } }, seed)
      const puts = ['a', 'b', 'c', 'd'].map((key) => store.put(key, x))
      const results = await Promise.allSettled(puts)
      expect(results.every(({ status }) => status === 'rejected')).toBe(true)
      outcomes.add(memory.keys().join(' '))
    }
    expect(outcomes.size).toBeGreaterThan(4)
    expect([...outcomes].some((keys) => keys.includes('d'))).toBe(false)
  })

  it('keeps every put that was acknowledged', async () => {
    for (let seed = 0; seed < 30; seed += 1) {
      const { memory, store } = storeWith({ 5: crash }, seed)
      const acknowledged: string[] = []
      const puts = ['a', 'b', 'c', 'd', 'e'].map(async (key) => {
        await store.put(key, x)
        acknowledged.push(key)
      })
      await Promise.allSettled(puts)
      expect(memory.keys()).toEqual(expect.arrayContaining(acknowledged))
    }
  })

  it('deletes some of the keys of a delete it strikes', async () => {
    const counts = new Set<number>()
    for (let seed = 0; seed < 30; seed += 1) {
      const { memory, store } = storeWith({ 1: crash }, seed)
      const keys = Array.from({ length: 8 }, (_, index) => `k${index}`)
      for (const key of keys) memory.setBytes(key, x)
      await expect(store.deleteMany(keys)).rejects.toBeInstanceOf(CrashError)
      counts.add(memory.keys().length)
    }
    expect(counts.size).toBeGreaterThan(3)
  })
})

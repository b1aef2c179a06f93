import { describe, expect, it } from 'vitest'
import { memoryObjectStore } from './memory-object-store.ts'
import { objectStoreContract } from './object-store.contract.ts'

objectStoreContract('memory', { makeStore: () => memoryObjectStore(), namesMayBeFolders: true })

const one = new Uint8Array([1])
const two = new Uint8Array([2, 2])

const etagsOfSomeCalls = async () => {
  const store = memoryObjectStore()
  await store.put('a', one)
  await store.copy('a', 'b')
  await store.put('a', one)
  return [(await store.head('a'))?.etag, (await store.head('b'))?.etag]
}

describe('memory object store', () => {
  it('takes its times from the clock, cut to the granularity', async () => {
    const clock = { now: () => new Date('2026-01-02T03:04:05.678Z') }
    const fine = memoryObjectStore({ clock })
    const coarse = memoryObjectStore({ clock, timeGranularityNs: 1_000_000_000n })
    await Promise.all([fine.put('k', one), coarse.put('k', one)])
    const ms = BigInt(clock.now().getTime())
    expect((await fine.head('k'))?.lastModifiedNs).toBe(ms * 1_000_000n)
    expect((await coarse.head('k'))?.lastModifiedNs).toBe((ms / 1000n) * 1_000_000_000n)
    expect((await coarse.head('k'))?.serverTimeNs).toBe((ms / 1000n) * 1_000_000_000n)
  })

  it('gives the same etags for the same calls', async () => {
    const [first, second] = [await etagsOfSomeCalls(), await etagsOfSomeCalls()]
    expect(first).toEqual(second)
    expect(first[0]).not.toBe(first[1])
  })

  it('changes the etag with each put of the same bytes', async () => {
    const store = memoryObjectStore()
    const [first, second] = [await store.put('a', one), await store.put('a', one)]
    expect(first.kind === 'stored' && first.etag).not.toBe(second.kind === 'stored' && second.etag)
  })

  it('lets a test look, damage and remove', async () => {
    const store = memoryObjectStore()
    await store.put('b', one)
    await store.put('a', one)
    const before = await store.head('a')
    store.setBytes('a', two, 5n)
    store.remove('b')
    expect([store.keys(), store.bytesAt('a'), store.bytesAt('b')]).toEqual([['a'], two, undefined])
    expect(await store.head('a')).toMatchObject({ sizeBytes: 2, lastModifiedNs: 5n })
    expect((await store.head('a'))?.etag).not.toBe(before?.etag)
  })

  it('is cloned whole, and apart from then on', async () => {
    const store = memoryObjectStore()
    await store.put('a', one)
    const clone = store.clone()
    expect((await clone.head('a'))?.etag).toBe((await store.head('a'))?.etag)
    await clone.put('b', two)
    store.remove('a')
    expect([store.keys(), clone.keys()]).toEqual([[], ['a', 'b']])
  })

  it('does its work before it first waits', () => {
    const store = memoryObjectStore()
    const puts = [store.put('a', one), store.put('b', two)]
    expect([puts.length, store.keys()]).toEqual([2, ['a', 'b']])
  })

  it('reads a listing that is not disturbed by deletes between its pages', async () => {
    const store = memoryObjectStore()
    for (let index = 0; index < 1500; index += 1) store.setBytes(`k${index}`, one)
    let count = 0
    for await (const { objects } of store.list('')) {
      count += objects.length
      await store.deleteMany(objects.map(({ key }) => key))
    }
    expect([count, store.keys()]).toEqual([1500, []])
  })
})

import { describe, expect, it } from 'vitest'
import { countingObjectStore } from './counting-object-store.ts'
import { memoryObjectStore } from './memory-object-store.ts'
import { objectStoreContract } from './object-store.contract.ts'
import { getBytes } from './object-store.ts'

objectStoreContract('counting', {
  makeStore: () => countingObjectStore(memoryObjectStore()).store,
  namesMayBeFolders: true,
})

const x = new Uint8Array([1])

describe('counting object store', () => {
  it('counts each request, and each page of a listing', async () => {
    const memory = memoryObjectStore()
    for (let index = 0; index < 2500; index += 1) memory.setBytes(`p/${index}`, x)
    const { store, calls, log } = countingObjectStore(memory)
    await store.put('a', x)
    await store.put('a', x, { condition: { kind: 'absent' } })
    await getBytes(store, 'a', { maxBytes: 1 })
    await store.head('a')
    for await (const page of store.list('p/')) expect(page.objects.length).toBeGreaterThan(0)
    await store.copy('a', 'b')
    await store.deleteMany(['a', 'b'])
    expect(calls).toEqual({ get: 1, put: 2, head: 1, list: 3, delete: 1, copy: 1, total: 9 })
    const pages = ['list p/', 'list p/', 'list p/']
    expect(log).toEqual(['put a', 'put a', 'get a', 'head a', ...pages, 'copy a b', 'delete a b'])
  })

  it('counts a request that fails', async () => {
    const { store, calls } = countingObjectStore(memoryObjectStore())
    await expect(store.head('../a')).rejects.toMatchObject({ code: 'invalid-key' })
    expect(calls).toMatchObject({ head: 1, total: 1 })
  })
})

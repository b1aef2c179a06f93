import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { collection } from './collection.ts'
import type { ItemStore } from './item-store.ts'
import { memoryItemStore } from './memory-item-store.ts'

const Counter = z.object({ name: z.string(), count: z.int() })
const keyOf = ({ name }: { name: string }) => ({ partition: 'counter', sort: name })

const countersIn = (store: ItemStore) => collection(store, { what: 'counter', schema: Counter, keyOf })
const key = keyOf({ name: 'a' })

describe('a collection', () => {
  it('makes a thing once', async () => {
    const counters = countersIn(memoryItemStore())
    expect(await counters.create({ name: 'a', count: 1 })).toBe(true)
    expect(await counters.create({ name: 'a', count: 2 })).toBe(false)
    expect(await counters.get(key)).toEqual({ name: 'a', count: 1 })
  })

  it('loses no change of many at once', async () => {
    const counters = countersIn(memoryItemStore())
    const add = () => counters.change(key, (there) => ({ name: 'a', count: (there?.count ?? 0) + 1 }))
    await Promise.all(Array.from({ length: 15 }, add))
    expect(await counters.get(key)).toEqual({ name: 'a', count: 15 })
  })

  it('leaves alone what need not change', async () => {
    const store = memoryItemStore()
    const counters = countersIn(store)
    await counters.create({ name: 'a', count: 1 })
    const before = await store.get(key)
    expect(await counters.change(key, () => undefined)).toEqual({ name: 'a', count: 1 })
    expect(await store.get(key)).toEqual(before)
    expect(await counters.change(keyOf({ name: 'none' }), () => undefined)).toBe(undefined)
  })

  it('gives up, saying so, when others always come first', async () => {
    const store = memoryItemStore()
    const busy = countersIn({ ...store, put: async () => ({ kind: 'conflict' }) })
    await expect(busy.change(key, () => ({ name: 'a', count: 1 }))).rejects.toMatchObject({ code: 'busy' })
  })

  it('removes what is as it was wanted', async () => {
    const counters = countersIn(memoryItemStore())
    await counters.create({ name: 'a', count: 1 })
    expect(await counters.remove(key, ({ count }) => count > 1)).toBe(false)
    expect(await counters.remove(key)).toBe(true)
    expect(await counters.remove(key)).toBe(false)
  })

  it('names what it cannot read', async () => {
    const store = memoryItemStore()
    await store.put({ key, value: { name: 'a', count: 'many' } }, 'absent')
    await expect(countersIn(store).get(key)).rejects.toMatchObject({
      code: 'damaged',
      message: 'counter a in the catalog cannot be read',
    })
  })

  it('lists in pages, and all', async () => {
    const counters = countersIn(memoryItemStore())
    for (const name of ['a', 'b', 'c']) await counters.create({ name, count: 0 })
    const first = await counters.list({ partition: 'counter', limit: 2 })
    expect(first.values.map(({ name }) => name)).toEqual(['a', 'b'])
    const second = await counters.list({ partition: 'counter', after: first.next })
    expect(second).toEqual({ values: [{ name: 'c', count: 0 }] })
    const names = []
    for await (const { name } of counters.all({ partition: 'counter', order: 'descending' })) names.push(name)
    expect(names).toEqual(['c', 'b', 'a'])
  })
})

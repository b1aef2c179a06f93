/**
 * @module item-store.contract: what every item store does. Each adapter's test runs it.
 */
import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { forEachConcurrently } from '#lib/base/concurrency.ts'
import { queryAll, type Item, type ItemStore, type Page, type Query } from './item-store.ts'

export interface StoreUnderTest {
  /** An empty one. */
  open(): Promise<ItemStore>
}

const itemAt = (partition: string, sort: string, value: Item['value'] = {}): Item => ({
  key: { partition, sort },
  value,
})

const put = async (store: ItemStore, item: Item): Promise<string> => {
  const result = await store.put(item, 'absent')
  if (result.kind === 'conflict') throw new Error('it is there already')
  return result.version
}

const sortsOf = ({ items }: Page): string[] => items.map(({ key }) => key.sort)

const pagesOf = async (store: ItemStore, query: Query): Promise<string[][]> => {
  const pages: string[][] = []
  let after: string | undefined
  do {
    const page = await store.query({ ...query, after })
    pages.push(sortsOf(page))
    after = page.next
  } while (after !== undefined)
  return pages
}

/** As DynamoDB and SQLite order them. */
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

export const itemStoreContract = (name: string, { open }: StoreUnderTest): void => {
  describe(`${name} as an item store`, () => {
    let store: ItemStore
    beforeEach(async () => {
      store = await open()
    })

    it('gives back what was put, and nothing else', async () => {
      const value = {
        text: 'ünï "\\ \n',
        number: -1.5,
        no: false,
        nothing: null,
        list: [1, ['a']],
        in: { a: {} },
      }
      const item = { ...itemAt('volumes', 'web', value), expiresAt: 4_000_000_000 }
      const version = await put(store, item)
      expect(await store.get(item.key)).toEqual({ ...item, version })
      expect(await store.get({ partition: 'volumes', sort: 'we' })).toBe(undefined)
      expect(await store.get({ partition: 'volume', sort: 'web' })).toBe(undefined)
    })

    it('keeps what it has when the caller changes what it got', async () => {
      const item = itemAt('a', 'b', { list: ['kept'] })
      await put(store, item)
      const got = await store.get(item.key)
      Object.assign(got?.value ?? {}, { list: [] })
      expect((await store.get(item.key))?.value).toEqual({ list: ['kept'] })
    })

    it('puts where nothing is, or what was read still is', async () => {
      const item = itemAt('a', 'b', { count: 1 })
      const version = await put(store, item)
      expect(await store.put(item, 'absent')).toEqual({ kind: 'conflict' })
      const next = await store.put({ ...item, value: { count: 2 } }, { version })
      expect(next.kind).toBe('written')
      expect(await store.put({ ...item, value: { count: 3 } }, { version })).toEqual({ kind: 'conflict' })
      expect((await store.get(item.key))?.value).toEqual({ count: 2 })
      expect(await store.put(itemAt('a', 'c'), { version })).toEqual({ kind: 'conflict' })
      expect(await store.get({ partition: 'a', sort: 'c' })).toBe(undefined)
    })

    it('removes what was read, once', async () => {
      const item = itemAt('a', 'b')
      const first = await put(store, item)
      const second = await store.put(item, { version: first })
      expect(await store.remove(item.key, { version: first })).toBe('conflict')
      const version = second.kind === 'written' ? second.version : ''
      expect(await store.remove(item.key, { version })).toBe('removed')
      expect(await store.remove(item.key, { version })).toBe('conflict')
      expect(await store.get(item.key)).toBe(undefined)
      expect(await put(store, item)).not.toBe(version)
    })

    it('lets one of many win', async () => {
      const item = itemAt('a', 'b', { by: 'first' })
      const version = await put(store, item)
      const tries = Array.from({ length: 20 }, (_, by) => store.put({ ...item, value: { by } }, { version }))
      const results = await Promise.all(tries)
      expect(results.filter(({ kind }) => kind === 'written')).toHaveLength(1)
      const made = await Promise.all(Array.from({ length: 20 }, () => store.put(itemAt('x', 'y'), 'absent')))
      expect(made.filter(({ kind }) => kind === 'written')).toHaveLength(1)
    })

    it('gets many at once, those that are there', async () => {
      const keys = Array.from({ length: 130 }, (_, i) => ({ partition: `p${i % 3}`, sort: `s${i}` }))
      await forEachConcurrently(keys, { limit: 10 }, async (key) => {
        await put(store, { key, value: { sort: key.sort } })
      })
      const found = await store.getMany([...keys, { partition: 'p0', sort: 'none' }])
      expect(found.map(({ key }) => key.sort).toSorted(byBytes)).toEqual(
        keys.map(({ sort }) => sort).toSorted(byBytes),
      )
      expect(await store.getMany([])).toEqual([])
    })

    it('lists a partition in order, by prefix, in pages, both ways', async () => {
      const sorts = ['a', 'a#1', 'a#10', 'a#2', 'a%', 'b', 'ä', '\u{1f600}']
      for (const sort of sorts) await put(store, itemAt('p', sort))
      await put(store, itemAt('q', 'a#3'))
      const all = sorts.toSorted(byBytes)
      expect(sortsOf(await store.query({ partition: 'p' }))).toEqual(all)
      expect(sortsOf(await store.query({ partition: 'p', order: 'descending' }))).toEqual(all.toReversed())
      expect(sortsOf(await store.query({ partition: 'p', sortPrefix: 'a#' }))).toEqual(['a#1', 'a#10', 'a#2'])
      expect(await pagesOf(store, { partition: 'p', sortPrefix: 'a', limit: 2 })).toEqual([
        ['a', 'a#1'],
        ['a#10', 'a#2'],
        ['a%'],
      ])
      const backwards = await pagesOf(store, { partition: 'p', limit: 3, order: 'descending' })
      expect(backwards.flat()).toEqual(all.toReversed())
      expect(await store.query({ partition: 'none' })).toEqual({ items: [] })
      expect((await store.query({ partition: 'p', limit: sorts.length })).next).toBe(undefined)
    })

    it('goes on after a page though items come and go', async () => {
      for (const sort of ['b', 'c', 'd', 'e']) await put(store, itemAt('p', sort))
      const first = await store.query({ partition: 'p', limit: 2 })
      const last = first.items.at(-1)
      if (last) await store.remove(last.key, last)
      await put(store, itemAt('p', 'a'))
      await put(store, itemAt('p', 'cc'))
      expect(sortsOf(await store.query({ partition: 'p', after: first.next }))).toEqual(['cc', 'd', 'e'])
    })

    it('finds items by their index keys, several under the same ones', async () => {
      const inState = (sort: string, state: string) => ({
        ...itemAt('operations', sort),
        indexes: { first: { partition: state, sort: '2026' }, second: { partition: 'node-1', sort } },
      })
      for (const sort of ['o1', 'o2', 'o3']) await put(store, inState(sort, 'running'))
      await put(store, itemAt('operations', 'o4'))
      const query: Query = { index: 'first', partition: 'running', limit: 2 }
      expect((await pagesOf(store, query)).flat()).toEqual(['o1', 'o2', 'o3'])
      const second = await store.get({ partition: 'operations', sort: 'o2' })
      if (second) await store.put(inState('o2', 'ended'), second)
      expect((await pagesOf(store, query)).flat()).toEqual(['o1', 'o3'])
      if (second) {
        const ended = await store.get(second.key)
        if (ended) await store.put({ key: ended.key, value: {} }, ended)
      }
      expect(await store.query({ index: 'first', partition: 'ended' })).toEqual({ items: [] })
      expect(
        sortsOf(await store.query({ index: 'second', partition: 'node-1', order: 'descending' })),
      ).toEqual(['o3', 'o1'])
    })

    it('refuses what is too large, keys that are empty or too long, cursors that are none', async () => {
      const large = itemAt('a', 'b', { text: 'x'.repeat(380_000) })
      await expect(store.put(large, 'absent')).rejects.toMatchObject({ code: 'item-too-large' })
      for (const key of [
        { partition: '', sort: 'a' },
        { partition: 'a', sort: '' },
        { partition: 'a', sort: 'x'.repeat(1025) },
      ]) {
        await expect(store.put({ key, value: {} }, 'absent')).rejects.toMatchObject({ code: 'invalid-key' })
      }
      for (const after of ['', 'nonsense', Buffer.from('[1]').toString('base64url')])
        await expect(store.query({ partition: 'a', after })).rejects.toMatchObject({ code: 'invalid-cursor' })
    })

    it('keeps an item of the largest size', async () => {
      const item = itemAt('a', 'b', { text: 'x'.repeat(379_900) })
      await put(store, item)
      expect((await store.get(item.key))?.value).toEqual(item.value)
    })

    it('lists any keys in any pages completely, in order, once', async () => {
      const sort = fc.string({ minLength: 1, maxLength: 6, unit: 'binary' })
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(sort, { maxLength: 25 }),
          fc.integer({ min: 1, max: 7 }),
          fc.string({ maxLength: 2, unit: 'binary' }),
          async (sorts, limit, sortPrefix) => {
            const fresh = await open()
            for (const each of sorts) await put(fresh, itemAt('p', each))
            const expected = sorts.filter((each) => each.startsWith(sortPrefix)).toSorted(byBytes)
            const found = []
            for await (const item of queryAll(fresh, { partition: 'p', sortPrefix, limit }))
              found.push(item.key.sort)
            expect(found).toEqual(expected)
          },
        ),
        { numRuns: 50 },
      )
    })
  })
}

/**
 * @module object-store.contract: what every adapter does alike. Each adapter's test runs it.
 */
import { describe, expect, it } from 'vitest'
import { KiB, MiB } from '#lib/base/sizes.ts'
import {
  type Body,
  getBytes,
  type ListOptions,
  type ListPage,
  type ObjectStore,
  type PutResult,
} from './object-store.ts'

export interface ObjectStoreContract {
  /** An empty store, for one test. */
  makeStore: () => ObjectStore | Promise<ObjectStore>
  /** `a` may be stored beside `a/b`. A folder can't. */
  namesMayBeFolders: boolean
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const pseudoRandom = (sizeBytes: number): Uint8Array => {
  const words = new Uint32Array(Math.ceil(sizeBytes / 4))
  for (let index = 0, x = 1; index < words.length; index += 1) {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0
    words[index] = x
  }
  return new Uint8Array(words.buffer, 0, sizeBytes)
}

const textAt = async (store: ObjectStore, key: string): Promise<string | undefined> => {
  const object = await getBytes(store, key, { maxBytes: MiB })
  return object && new TextDecoder().decode(object.bytes)
}

const rangeAt = async (store: ObjectStore, key: string, offsetBytes: number, lengthBytes: number) => {
  const object = await getBytes(store, key, { maxBytes: MiB, range: { offsetBytes, lengthBytes } })
  return object && { text: new TextDecoder().decode(object.bytes), sizeBytes: object.head.sizeBytes }
}

const pagesOf = async (
  store: ObjectStore,
  prefix: string,
  options: ListOptions = {},
): Promise<ListPage[]> => {
  const pages: ListPage[] = []
  for await (const page of store.list(prefix, options)) pages.push(page)
  return pages
}

const byFolder: ListOptions = { delimiter: '/' }

const keysOf = async (store: ObjectStore, prefix: string, options: ListOptions = {}): Promise<string[]> => {
  const pages = await pagesOf(store, prefix, options)
  return pages.flatMap(({ objects }) => objects.map(({ key }) => key)).toSorted()
}

const foldersOf = async (store: ObjectStore, prefix: string): Promise<string[]> => {
  const pages = await pagesOf(store, prefix, byFolder)
  return pages.flatMap(({ folders }) => folders).toSorted()
}

const putText = async (store: ObjectStore, key: string, text: string): Promise<string> => {
  const result = await store.put(key, bytesOf(text))
  if (result.kind !== 'stored') throw new Error(`put of ${key} was refused`)
  return result.etag
}

const putAll = async (store: ObjectStore, keys: readonly string[]): Promise<void> => {
  for (let start = 0; start < keys.length; start += 50) {
    await Promise.all(keys.slice(start, start + 50).map((key) => store.put(key, bytesOf('x'))))
  }
}

const halfThen = (end: () => void): Body => ({
  sizeBytes: 2 * MiB,
  open: function* () {
    yield pseudoRandom(MiB)
    end()
  },
})

const wholeThen = (end: () => void): Body => ({
  sizeBytes: 3,
  open: function* () {
    yield new Uint8Array(3)
    end()
  },
})

/** The texts of those of ten writers that were told "stored". */
const winnersOf = async (put: (text: string) => Promise<PutResult>): Promise<string[]> => {
  const texts = Array.from({ length: 10 }, (_, index) => `writer ${index}`)
  const results = await Promise.all(texts.map(put))
  return texts.filter((_, index) => results[index]?.kind === 'stored')
}

const oddKeys = [
  'folder with spaces/a b',
  'plus+plus/a+b',
  'percent/100%25%2F',
  'unicode/päivä-日本-🚀',
  "signs/!-_.*'()&$@=;:,?#[]{}^~|<>",
  'quote/"q"',
]

const invalidKeys = ['', '/a', 'a/', 'a//b', '.', '..', './a', 'a/../b', 'a/.', 'a\0b', 'x/'.repeat(520)]

export const objectStoreContract = (name: string, contract: ObjectStoreContract): void => {
  const { makeStore, namesMayBeFolders } = contract

  describe(`${name}: puts and gets`, () => {
    it('gives back what was put, at once, by get, head and list', async () => {
      const store = await makeStore()
      const etag = await putText(store, 'a/b', 'hello')
      expect(await textAt(store, 'a/b')).toBe('hello')
      expect(await store.head('a/b')).toMatchObject({ key: 'a/b', sizeBytes: 5, etag })
      expect(await pagesOf(store, 'a/')).toEqual([{ objects: [{ key: 'a/b', sizeBytes: 5 }], folders: [] }])
    })

    it('knows no object that was not put', async () => {
      const store = await makeStore()
      await putText(store, 'a/b', 'x')
      for (const key of ['a/c', 'b', 'a/b/c', 'a', 'a/bb']) {
        expect([await store.get(key), await store.head(key)]).toEqual([undefined, undefined])
      }
    })

    it('replaces, with a new etag for new content', async () => {
      const store = await makeStore()
      const first = await putText(store, 'a', 'one')
      const second = await putText(store, 'a', 'two')
      expect(second).not.toBe(first)
      expect(await textAt(store, 'a')).toBe('two')
      expect((await store.head('a'))?.etag).toBe(second)
    })

    it('keeps an empty object', async () => {
      const store = await makeStore()
      await store.put('empty', new Uint8Array())
      expect(await textAt(store, 'empty')).toBe('')
      expect((await store.head('empty'))?.sizeBytes).toBe(0)
    })

    it('keeps 8 MiB, from bytes and from a stream', async () => {
      const store = await makeStore()
      const bytes = pseudoRandom(8 * MiB)
      const open = async function* () {
        for (let at = 0; at < bytes.length; at += 300 * KiB) yield bytes.subarray(at, at + 300 * KiB)
      }
      await store.put('bytes', bytes)
      await store.put('stream', { sizeBytes: bytes.length, open })
      for (const key of ['bytes', 'stream']) {
        const object = await getBytes(store, key, { maxBytes: bytes.length })
        expect(object && Buffer.compare(object.bytes, bytes)).toBe(0)
      }
    })

    it('keeps bytes that are part of a larger buffer, and its own copy of them', async () => {
      const store = await makeStore()
      const buffer = bytesOf('abcdef')
      const part = buffer.subarray(2, 4)
      await store.put('part', part)
      buffer.fill(0)
      expect(await textAt(store, 'part')).toBe('cd')
    })

    it.each(oddKeys)('keeps the key %s', async (key) => {
      const store = await makeStore()
      await putText(store, key, key)
      expect(await textAt(store, key)).toBe(key)
      expect(await keysOf(store, '')).toEqual([key])
      await store.copy(key, `${key}.copy`)
      expect(await textAt(store, `${key}.copy`)).toBe(key)
      await store.deleteMany([key, `${key}.copy`])
      expect(await keysOf(store, '')).toEqual([])
    })

    it.each(invalidKeys)('refuses the key %j everywhere', async (key) => {
      const store = await makeStore()
      const refused = { code: 'invalid-key' }
      await expect(store.get(key)).rejects.toMatchObject(refused)
      await expect(store.put(key, bytesOf('x'))).rejects.toMatchObject(refused)
      await expect(store.head(key)).rejects.toMatchObject(refused)
      await expect(store.copy(key, 'a')).rejects.toMatchObject(refused)
      await expect(store.copy('a', key)).rejects.toMatchObject(refused)
      await expect(store.deleteMany(['a', key])).rejects.toMatchObject(refused)
    })
  })

  describe(`${name}: no half puts`, () => {
    const broken = new Error('the disk broke')
    const fail = () => {
      throw broken
    }

    it('stores nothing of a stream that fails, and throws what it threw', async () => {
      const store = await makeStore()
      await putText(store, 'kept', 'before')
      await expect(store.put('new', halfThen(fail))).rejects.toBe(broken)
      await expect(store.put('kept', halfThen(fail))).rejects.toBe(broken)
      await expect(store.put('new', wholeThen(fail))).rejects.toBe(broken)
      expect(await keysOf(store, '')).toEqual(['kept'])
      expect(await textAt(store, 'kept')).toBe('before')
    })

    it.each([
      { title: 'shorter', body: halfThen(() => {}) },
      { title: 'longer', body: { sizeBytes: 10, open: () => [bytesOf('0123456789abc')] } },
      { title: 'longer by a chunk', body: { sizeBytes: 2, open: () => [bytesOf('ab'), bytesOf('c')] } },
    ])('stores nothing of a stream that is $title than it says', async ({ body }) => {
      const store = await makeStore()
      await expect(store.put('new', body)).rejects.toMatchObject({ code: 'failed' })
      expect(await keysOf(store, '')).toEqual([])
    })

    it('shows readers the old or the new object, never a mixture', async () => {
      const store = await makeStore()
      const versions = ['a', 'b', 'c', 'd'].map((letter) => bytesOf(letter.repeat(200 * KiB)))
      await store.put('k', versions[0] ?? new Uint8Array())
      const writer = { isDone: false }
      const write = async () => {
        for (const version of [...versions, ...versions]) await store.put('k', version)
        writer.isDone = true
      }
      const writing = write()
      const seen = new Set<string>()
      while (!writer.isDone) {
        const object = await getBytes(store, 'k', { maxBytes: MiB })
        seen.add(`${object?.bytes.length} ${[...new Set(object?.bytes)].join(' ')}`)
      }
      await writing
      for (const one of seen) expect(one).toMatch(/^204800 \d+$/)
    })
  })

  describe(`${name}: ranges`, () => {
    it.each([
      { offsetBytes: 0, lengthBytes: 3, text: '012' },
      { offsetBytes: 4, lengthBytes: 2, text: '45' },
      { offsetBytes: 8, lengthBytes: 100, text: '89' },
      { offsetBytes: 10, lengthBytes: 5, text: '' },
      { offsetBytes: 99, lengthBytes: 5, text: '' },
      { offsetBytes: 3, lengthBytes: 0, text: '' },
    ])('gives $lengthBytes bytes from $offsetBytes, cut at the end', async ({ text, ...range }) => {
      const store = await makeStore()
      await putText(store, 'k', '0123456789')
      expect(await rangeAt(store, 'k', range.offsetBytes, range.lengthBytes)).toEqual({ text, sizeBytes: 10 })
    })

    it('gives an empty body for any range of an empty object', async () => {
      const store = await makeStore()
      await store.put('k', new Uint8Array())
      expect(await rangeAt(store, 'k', 0, 10)).toEqual({ text: '', sizeBytes: 0 })
    })

    it('knows no range of a missing object', async () => {
      const store = await makeStore()
      expect(await rangeAt(store, 'missing', 0, 10)).toBeUndefined()
    })

    it('refuses an object, or a range, larger than the reader takes', async () => {
      const store = await makeStore()
      await putText(store, 'k', '0123456789')
      const range = { offsetBytes: 2, lengthBytes: 5 }
      await expect(store.get('k', { maxBytes: 9 })).rejects.toMatchObject({ code: 'too-large' })
      await expect(store.get('k', { maxBytes: 4, range })).rejects.toMatchObject({ code: 'too-large' })
      expect(await getBytes(store, 'k', { maxBytes: 10 })).toBeDefined()
      expect(await getBytes(store, 'k', { maxBytes: 5, range })).toBeDefined()
    })

    it('lets a reader leave a body unread, or half read', async () => {
      const store = await makeStore()
      await store.put('k', pseudoRandom(4 * MiB))
      const unread = await store.get('k')
      await unread?.body[Symbol.asyncIterator]().return?.()
      const halfRead = await store.get('k')
      for await (const chunk of halfRead?.body ?? []) {
        expect(chunk.length).toBeGreaterThan(0)
        break
      }
      expect((await store.head('k'))?.sizeBytes).toBe(4 * MiB)
    })
  })

  describe(`${name}: conditions`, () => {
    it('puts if absent once', async () => {
      const store = await makeStore()
      const first = await store.put('k', bytesOf('first'), { condition: { kind: 'absent' } })
      const second = await store.put('k', bytesOf('second'), { condition: { kind: 'absent' } })
      expect([first.kind, second.kind]).toEqual(['stored', 'refused'])
      expect(await textAt(store, 'k')).toBe('first')
      expect((await store.head('k'))?.etag).toBe(first.kind === 'stored' && first.etag)
    })

    it('puts if absent again after a delete', async () => {
      const store = await makeStore()
      await store.put('a/k', bytesOf('first'), { condition: { kind: 'absent' } })
      await store.deleteMany(['a/k'])
      const again = await store.put('a/k', bytesOf('second'), { condition: { kind: 'absent' } })
      expect(again.kind).toBe('stored')
    })

    it('puts if unchanged only over what the caller knows', async () => {
      const store = await makeStore()
      const etag = await putText(store, 'k', 'first')
      const condition = { kind: 'unchanged', etag } as const
      const second = await store.put('k', bytesOf('second'), { condition })
      const third = await store.put('k', bytesOf('third'), { condition })
      expect([second.kind, third.kind]).toEqual(['stored', 'refused'])
      expect(await textAt(store, 'k')).toBe('second')
    })

    it('never makes an object again by a put if unchanged', async () => {
      const store = await makeStore()
      const etag = await putText(store, 'k', 'first')
      await store.deleteMany(['k'])
      const result = await store.put('k', bytesOf('second'), { condition: { kind: 'unchanged', etag } })
      expect(result).toEqual({ kind: 'refused' })
      expect(await store.head('k')).toBeUndefined()
    })

    it('follows a chain of etags', async () => {
      const store = await makeStore()
      let etag = await putText(store, 'k', '0')
      for (const text of ['1', '2', '3']) {
        const result = await store.put('k', bytesOf(text), { condition: { kind: 'unchanged', etag } })
        if (result.kind !== 'stored') throw new Error(`put ${text} was refused`)
        etag = result.etag
      }
      expect(await textAt(store, 'k')).toBe('3')
    })

    it('lets one of ten win a race to put if absent', async () => {
      const store = await makeStore()
      const winners = await winnersOf((text) =>
        store.put('k', bytesOf(text), { condition: { kind: 'absent' } }),
      )
      expect(winners).toHaveLength(1)
      expect(await textAt(store, 'k')).toBe(winners[0])
    })

    it('lets one of ten win a race to put if unchanged', async () => {
      const store = await makeStore()
      const etag = await putText(store, 'k', 'before')
      const winners = await winnersOf((text) =>
        store.put('k', bytesOf(text), { condition: { kind: 'unchanged', etag } }),
      )
      expect(winners).toHaveLength(1)
      expect(await textAt(store, 'k')).toBe(winners[0])
    })
  })

  describe(`${name}: listings`, () => {
    it('gives pages of at most 1,000, with every key once', async () => {
      const store = await makeStore()
      const keys = Array.from({ length: 1100 }, (_, index) => `many/${index % 7}/${index}`)
      await putAll(store, [...keys, 'other/1'])
      const pages = await pagesOf(store, 'many/')
      for (const page of pages) expect(page.objects.length).toBeLessThanOrEqual(1000)
      expect(pages.length).toBeGreaterThan(1)
      expect(pages.flatMap(({ objects }) => objects.map(({ key }) => key)).toSorted()).toEqual(
        keys.toSorted(),
      )
      expect(await foldersOf(store, 'many/')).toEqual(
        [0, 1, 2, 3, 4, 5, 6].map((folder) => `many/${folder}/`),
      )
    })

    it('gives more than 1,000 folders and objects right under a prefix', async () => {
      const store = await makeStore()
      const names = Array.from({ length: 700 }, (_, index) => index)
      await putAll(store, [...names.map((index) => `p/d${index}/x`), ...names.map((index) => `p/f${index}`)])
      const pages = await pagesOf(store, 'p/', byFolder)
      for (const { objects, folders } of pages)
        expect(objects.length + folders.length).toBeLessThanOrEqual(1000)
      expect(await foldersOf(store, 'p/')).toEqual(names.map((index) => `p/d${index}/`).toSorted())
      expect(await keysOf(store, 'p/', byFolder)).toEqual(names.map((index) => `p/f${index}`).toSorted())
    })

    it('stops at the delimiter', async () => {
      const store = await makeStore()
      await putAll(store, ['p/a', 'p/b/c', 'p/b/d/e', 'q'])
      expect(await pagesOf(store, 'p/', byFolder)).toEqual([
        { objects: [{ key: 'p/a', sizeBytes: 1 }], folders: ['p/b/'] },
      ])
      expect([await foldersOf(store, ''), await keysOf(store, '', byFolder)]).toEqual([['p/'], ['q']])
    })

    it('takes the beginning of a name for a prefix', async () => {
      const store = await makeStore()
      await putAll(store, ['p/backup_a', 'p/backup_b/x', 'p/lock', 'pp'])
      expect(await keysOf(store, 'p/backup_')).toEqual(['p/backup_a', 'p/backup_b/x'])
      expect(await keysOf(store, 'p')).toEqual(['p/backup_a', 'p/backup_b/x', 'p/lock', 'pp'])
      expect([await keysOf(store, 'p/b', byFolder), await foldersOf(store, 'p/b')]).toEqual([
        ['p/backup_a'],
        ['p/backup_b/'],
      ])
    })

    it('gives one empty page for a prefix without objects', async () => {
      const store = await makeStore()
      await putText(store, 'a', 'x')
      const empty = [{ objects: [], folders: [] }]
      for (const prefix of ['b/', 'b/c/', 'a/', 'b']) expect(await pagesOf(store, prefix)).toEqual(empty)
    })

    it('refuses a prefix that is no key', async () => {
      const store = await makeStore()
      for (const prefix of ['/', '../', 'a//b', './']) {
        await expect(pagesOf(store, prefix)).rejects.toMatchObject({ code: 'invalid-key' })
      }
    })
  })

  describe(`${name}: deletes`, () => {
    it('deletes exact keys and nothing beside or below them', async () => {
      const store = await makeStore()
      await putAll(store, ['a/b', 'ab', 'a.b', 'c'])
      if (namesMayBeFolders) await putText(store, 'a', 'x')
      await store.deleteMany(['a', 'c'])
      expect(await keysOf(store, '')).toEqual(['a.b', 'a/b', 'ab'])
    })

    it('counts a missing key as deleted', async () => {
      const store = await makeStore()
      await putAll(store, ['a/b', 'c'])
      await store.deleteMany(['missing', 'a/missing', 'missing/a/b', 'c'])
      await store.deleteMany(['c'])
      await store.deleteMany([])
      expect(await keysOf(store, '')).toEqual(['a/b'])
    })

    it('deletes 1,000 keys at once, and takes no more', async () => {
      const store = await makeStore()
      const keys = Array.from({ length: 1001 }, (_, index) => `d/${index % 10}/${index}`)
      await putAll(store, keys)
      await expect(store.deleteMany(keys)).rejects.toMatchObject({ code: 'failed' })
      await store.deleteMany(keys.slice(1))
      expect(await keysOf(store, '')).toEqual(['d/0/0'])
    })

    it('has no folder left where every object was deleted', async () => {
      const store = await makeStore()
      await putAll(store, ['a/b/c/d', 'a/e'])
      await store.deleteMany(['a/b/c/d'])
      expect(await foldersOf(store, 'a/')).toEqual([])
      expect(await foldersOf(store, '')).toEqual(['a/'])
    })
  })

  describe(`${name}: copies`, () => {
    it('copies, over what is there', async () => {
      const store = await makeStore()
      await putText(store, 'from', 'content')
      await putText(store, 'to/there', 'old')
      const copied = await store.copy('from', 'to/there')
      expect(await textAt(store, 'to/there')).toBe('content')
      expect(await textAt(store, 'from')).toBe('content')
      expect(copied).toEqual({ etag: (await store.head('to/there'))?.etag })
    })

    it('copies no missing object', async () => {
      const store = await makeStore()
      expect(await store.copy('missing', 'to')).toBeUndefined()
      expect(await store.head('to')).toBeUndefined()
    })
  })

  describe(`${name}: limits and times`, () => {
    it('does nothing once the signal is aborted', async () => {
      const store = await makeStore()
      await putText(store, 'kept', 'x')
      const reason = new Error('cancelled')
      const signal = AbortSignal.abort(reason)
      await expect(store.get('kept', { signal })).rejects.toBe(reason)
      await expect(store.head('kept', { signal })).rejects.toBe(reason)
      await expect(store.put('new', bytesOf('x'), { signal })).rejects.toBe(reason)
      await expect(store.copy('kept', 'new', { signal })).rejects.toBe(reason)
      await expect(store.deleteMany(['kept'], { signal })).rejects.toBe(reason)
      await expect(pagesOf(store, '', { signal })).rejects.toBe(reason)
      expect(await keysOf(store, '')).toEqual(['kept'])
    })

    it('stores nothing of a put that is cancelled half-way', async () => {
      const store = await makeStore()
      const controller = new AbortController()
      const reason = new Error('cancelled')
      const open = async function* () {
        yield pseudoRandom(MiB)
        controller.abort(reason)
        yield pseudoRandom(MiB)
      }
      const put = store.put('new', { sizeBytes: 2 * MiB, open }, { signal: controller.signal })
      await expect(put).rejects.toBe(reason)
      expect(await store.head('new')).toBeUndefined()
    })

    it('tells the age of an object by one clock', async () => {
      const store = await makeStore()
      const put = await store.put('k', bytesOf('x'))
      const [head, object] = [await store.head('k'), await getBytes(store, 'k', { maxBytes: 1 })]
      const second = 1_000_000_000n
      for (const one of [head, object?.head]) {
        if (!one) throw new Error('the object is gone')
        expect(one.lastModifiedNs).toBeLessThanOrEqual(one.serverTimeNs + second)
        expect(one.serverTimeNs - one.lastModifiedNs).toBeLessThan(10n * second)
        expect(Math.abs(Number(one.serverTimeNs) / 1e6 - Date.now())).toBeLessThan(5000)
      }
      expect(head?.lastModifiedNs).toBe(object?.head.lastModifiedNs)
      expect(put.kind === 'stored' && Math.abs(Number(put.serverTimeNs) / 1e6 - Date.now())).toBeLessThan(
        5000,
      )
    })

    it('has a description for people', async () => {
      const store = await makeStore()
      expect(store.description).toMatch(/^(s3|file|memory):/)
    })
  })
}

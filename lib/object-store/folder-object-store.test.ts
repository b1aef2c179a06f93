import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import { folderObjectStore } from './folder-object-store.ts'
import { objectStoreContract } from './object-store.contract.ts'
import { getBytes, type ObjectStore } from './object-store.ts'

const top = mkdtempSync(join(tmpdir(), 'folder-object-store-'))
afterAll(() => rmSync(top, { recursive: true }))
const newFolder = (): string => mkdtempSync(join(top, 'store-'))

const nfs = 0x6969
const x = new Uint8Array([120])

const allKeys = async (store: ObjectStore, prefix = ''): Promise<string[]> => {
  const keys: string[] = []
  for await (const { objects } of store.list(prefix)) keys.push(...objects.map(({ key }) => key))
  return keys.toSorted()
}

objectStoreContract('folder', {
  makeStore: () => folderObjectStore({ folder: newFolder() }),
  namesMayBeFolders: false,
})

describe('folder object store: the files', () => {
  it('are plain files below the folder, in folders that only their owner may enter', async () => {
    const folder = newFolder()
    await folderObjectStore({ folder }).put('a/b/c', x)
    expect(readFileSync(join(folder, 'a/b/c'), 'utf8')).toBe('x')
    expect(statSync(join(folder, 'a/b')).mode & 0o777).toBe(0o700)
  })

  it('leave no temporary file behind, whatever became of the put', async () => {
    const folder = newFolder()
    const store = folderObjectStore({ folder })
    const fails = { sizeBytes: 5, open: () => [x] }
    await store.put('p/a', x)
    await store.put('p/a', x, { condition: { kind: 'absent' } })
    await store.put('p/a', x, { condition: { kind: 'unchanged', etag: 'other' } })
    await store.put('p/a', x, { condition: { kind: 'absent' } })
    await expect(store.put('p/b', fails)).rejects.toThrow('1 bytes')
    expect(readdirSync(join(folder, 'p'))).toEqual(['a'])
  })

  it('lists what a crash left, under a name that no object has, and deletes it like any other', async () => {
    const folder = newFolder()
    const store = folderObjectStore({ folder })
    await store.put('p/a', x)
    writeFileSync(join(folder, 'p/b.tmp.1700000000000000000'), 'ha')
    expect(await allKeys(store)).toEqual(['p/a', 'p/b.tmp.1700000000000000000'])
    expect(await store.head('p/b')).toBeUndefined()
    await store.deleteMany(['p/b.tmp.1700000000000000000'])
    expect(await allKeys(store)).toEqual(['p/a'])
  })

  it('have an etag that changes with each put of the same bytes, and not with a hard link', async () => {
    const folder = newFolder()
    const store = folderObjectStore({ folder })
    const etags = new Set<string | undefined>()
    for (let index = 0; index < 5; index += 1) {
      await store.put('a', x)
      etags.add((await store.head('a'))?.etag)
    }
    expect(etags.size).toBe(5)
    const before = await store.head('a')
    execFileSync('ln', [join(folder, 'a'), join(folder, 'link')])
    expect((await store.head('a'))?.etag).toBe(before?.etag)
  })

  it('are read to their end though a put replaces them meanwhile', async () => {
    const store = folderObjectStore({ folder: newFolder() })
    await store.put('a', new Uint8Array(3 * MiB).fill(1))
    const object = await store.get('a')
    await store.put('a', new Uint8Array(3 * MiB).fill(2))
    let sizeBytes = 0
    for await (const chunk of object?.body ?? []) {
      sizeBytes += chunk.length
      expect(chunk.every((byte) => byte === 1)).toBe(true)
    }
    expect(sizeBytes).toBe(3 * MiB)
  })

  it('are reported as changed when somebody cuts them short', async () => {
    const folder = newFolder()
    const store = folderObjectStore({ folder })
    await store.put('a', new Uint8Array(3 * MiB))
    const object = await store.get('a')
    truncateSync(join(folder, 'a'), MiB)
    const read = async () => {
      for await (const chunk of object?.body ?? []) expect(chunk.length).toBeGreaterThan(0)
    }
    await expect(read()).rejects.toMatchObject({ code: 'changed' })
  })

  it('have a new etag when somebody else writes into them', async () => {
    const folder = newFolder()
    const store = folderObjectStore({ folder })
    await store.put('a', x)
    const etag = (await store.head('a'))?.etag ?? ''
    appendFileSync(join(folder, 'a'), 'y')
    const result = await store.put('a', x, { condition: { kind: 'unchanged', etag } })
    expect(result).toEqual({ kind: 'refused' })
  })
})

describe('folder object store: the folders', () => {
  it('never makes its root', async () => {
    const folder = join(newFolder(), 'not-mounted')
    const store = folderObjectStore({ folder })
    const refused = { code: 'no-bucket', hint: expect.stringContaining('mount') }
    await expect(store.put('a/b', x)).rejects.toMatchObject(refused)
    await expect(store.put('a', x)).rejects.toMatchObject(refused)
    await expect(store.get('a')).rejects.toMatchObject(refused)
    await expect(store.head('a/b')).rejects.toMatchObject(refused)
    await expect(store.copy('a', 'b')).rejects.toMatchObject(refused)
    await expect(store.deleteMany(['a'])).rejects.toMatchObject(refused)
    await expect(allKeys(store)).rejects.toMatchObject(refused)
    await expect(allKeys(store, 'a/b/')).rejects.toMatchObject(refused)
    expect(existsSync(folder)).toBe(false)
  })

  it('removes parents that became empty, up to the backupstore', async () => {
    const folder = newFolder()
    const store = folderObjectStore({ folder })
    await store.put('backupstore/volumes/ab/cd/v/blocks/1', x)
    await store.put('backupstore/volumes/ab/ef/w/volume.cfg', x)
    await store.deleteMany(['backupstore/volumes/ab/cd/v/blocks/1'])
    expect(readdirSync(join(folder, 'backupstore/volumes/ab'))).toEqual(['ef'])
    await store.deleteMany(['backupstore/volumes/ab/ef/w/volume.cfg'])
    expect(readdirSync(folder)).toEqual(['backupstore'])
    expect(readdirSync(join(folder, 'backupstore'))).toEqual([])
  })

  it('keeps every put, though deletes remove its parents meanwhile', async () => {
    const store = folderObjectStore({ folder: newFolder() })
    const putAndDelete = async (name: string, times: number) => {
      for (let index = 0; index < times; index += 1) {
        await store.put(`p/q/r/${name}`, x)
        await store.deleteMany([`p/q/r/${name}`])
      }
    }
    const putAndLook = async () => {
      for (let index = 0; index < 40; index += 1) {
        await store.put(`p/q/r/kept`, x)
        expect(await store.head('p/q/r/kept')).toBeDefined()
        await store.deleteMany(['p/q/r/kept'])
      }
    }
    await Promise.all([putAndDelete('a', 60), putAndDelete('b', 60), putAndLook()])
    await store.put('p/q/r/last', x)
    expect(await allKeys(store)).toEqual(['p/q/r/last'])
  })

  it('says that a file stands where a folder should', async () => {
    const store = folderObjectStore({ folder: newFolder() })
    await store.put('a', x)
    await expect(store.put('a/b', x)).rejects.toMatchObject({ code: 'failed' })
    await store.put('c/d', x)
    await expect(store.put('c', x)).rejects.toMatchObject({ code: 'failed' })
    expect(await allKeys(store)).toEqual(['a', 'c/d'])
  })

  it('names the keys that it could not delete', async () => {
    const folder = newFolder()
    const store = folderObjectStore({ folder })
    await store.put('a', x)
    symlinkSync(top, join(folder, 'link'))
    const deleted = store.deleteMany(['a', 'link/1', 'link/2', 'link/3', 'link/4'])
    await expect(deleted).rejects.toMatchObject({
      code: 'delete-failed',
      message: expect.stringMatching(/^4 of 5 .*: link\/1, link\/2, link\/3, …$/),
    })
    expect(await store.head('a')).toBeUndefined()
  })
})

const withLink = () => {
  const outside = newFolder()
  writeFileSync(join(outside, 'secret'), 'secret')
  mkdirSync(join(outside, 'folder'))
  const folder = newFolder()
  symlinkSync(outside, join(folder, 'link'))
  symlinkSync(join(outside, 'secret'), join(folder, 'file-link'))
  return { outside, store: folderObjectStore({ folder }) }
}

describe('folder object store: symbolic links', () => {
  it('are not followed out of the folder', async () => {
    const { outside, store } = withLink()
    const refused = { code: 'failed', message: expect.stringContaining('symbolic link') }
    await expect(store.get('link/secret')).rejects.toMatchObject(refused)
    await expect(store.get('file-link')).rejects.toMatchObject(refused)
    await expect(store.head('link/secret')).rejects.toMatchObject(refused)
    await expect(store.head('file-link')).rejects.toMatchObject(refused)
    await expect(store.copy('link/secret', 'copy')).rejects.toMatchObject(refused)
    await expect(store.put('link/new', x)).rejects.toMatchObject(refused)
    await expect(store.put('link/deep/er/new', x)).rejects.toMatchObject(refused)
    await expect(allKeys(store, 'link/')).rejects.toMatchObject(refused)
    await expect(allKeys(store)).rejects.toMatchObject(refused)
    await expect(store.deleteMany(['link/secret'])).rejects.toMatchObject({ code: 'delete-failed' })
    expect(readdirSync(outside)).toEqual(['folder', 'secret'])
  })

  it('are replaced by a put and removed by a delete, not what they point to', async () => {
    const { outside, store } = withLink()
    await store.put('file-link', x)
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret')
    await store.deleteMany(['file-link', 'link'])
    expect(readdirSync(outside)).toEqual(['folder', 'secret'])
    expect(await allKeys(store)).toEqual([])
  })

  it('may lead to the root itself', async () => {
    const link = join(newFolder(), 'root-link')
    symlinkSync(newFolder(), link)
    const store = folderObjectStore({ folder: link })
    await store.put('a/b', x)
    expect(await allKeys(store)).toEqual(['a/b'])
  })
})

describe('folder object store: clocks and file systems', () => {
  it('lists after writes unless it is on a network file system', () => {
    const on = (type: number) =>
      folderObjectStore({ folder: newFolder(), fileSystemType: () => type }).listsAfterWrites
    expect([0xef53, 0x9123683e, nfs, 0xfe534d42, 0xff534d42].map(on)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
    expect(folderObjectStore({ folder: newFolder() }).listsAfterWrites).toBe(true)
    expect(folderObjectStore({ folder: join(top, 'missing') }).listsAfterWrites).toBe(false)
  })

  it('takes the time of a local folder from the clock', async () => {
    const clock = { now: () => new Date('2030-01-01T00:00:00Z') }
    const store = folderObjectStore({ folder: newFolder(), clock, fileSystemType: () => 0xef53 })
    await store.put('a', x)
    expect((await store.head('a'))?.serverTimeNs).toBe(BigInt(clock.now().getTime()) * 1_000_000n)
  })

  it('takes the time of a network folder from the mtimes that its server sets', async () => {
    const folder = newFolder()
    const hour = 3_600_000
    const clock = { now: () => new Date(Date.now() + hour) }
    const store = folderObjectStore({ folder, clock, fileSystemType: () => nfs })
    const put = await store.put('a', x)
    const head = await store.head('a')
    for (const time of [put.kind === 'stored' ? put.serverTimeNs : 0n, head?.serverTimeNs ?? 0n]) {
      expect(Math.abs(Number(time) / 1e6 - Date.now())).toBeLessThan(5000)
    }
    expect(await allKeys(store)).toEqual(['a'])
  })

  it('asks a network folder again once our clock was set', async () => {
    let aheadMs = 0
    const clock = { now: () => new Date(Date.now() + aheadMs) }
    const store = folderObjectStore({ folder: newFolder(), clock, fileSystemType: () => nfs })
    await store.put('a', x)
    for (const ahead of [0, -7_200_000, 86_400_000]) {
      aheadMs = ahead
      const head = await store.head('a')
      expect(Math.abs(Number(head?.serverTimeNs ?? 0n) / 1e6 - Date.now())).toBeLessThan(5000)
    }
  })

  it('ends at the deadline though the file system does not answer', async () => {
    const folder = newFolder()
    const stalls = {
      sizeBytes: 1,
      open: async function* () {
        await new Promise((resolve) => {
          setTimeout(resolve, 300)
        })
        yield x
      },
    }
    const store = folderObjectStore({ folder })
    await expect(store.put('a', stalls, { deadlineMs: 20 })).rejects.toMatchObject({ code: 'timeout' })
    await new Promise((resolve) => {
      setTimeout(resolve, 400)
    })
    expect(readdirSync(folder)).toEqual([])
  })

  it('keeps 300 objects put eight at a time, and each in a folder of its own', async () => {
    const folder = newFolder()
    const store = folderObjectStore({ folder })
    const keys = Array.from({ length: 300 }, (_, index) => `blocks/${index % 16}/${index}/block`)
    let next = 0
    const worker = async () => {
      for (let key = keys[next++]; key; key = keys[next++])
        await store.put(key, x, { condition: { kind: 'absent' } })
    }
    await Promise.all(Array.from({ length: 8 }, worker))
    expect(await allKeys(store)).toEqual(keys.toSorted())
    expect(await getBytes(store, 'blocks/1/17/block', { maxBytes: 1 })).toMatchObject({
      bytes: Buffer.from('x'),
    })
  })
})

const asNobody = async <T>(work: () => Promise<T>): Promise<T> => {
  process.seteuid?.(65_534)
  try {
    return await work()
  } finally {
    process.seteuid?.(0)
  }
}

describe('folder object store: rights', () => {
  it('says what to check where it may not write', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'locked'), { mode: 0o500 })
    const store = folderObjectStore({ folder })
    const put = () => store.put('locked/a', x)
    // Root may write everywhere, so it becomes nobody for a moment.
    const putting = process.getuid?.() === 0 ? asNobody(put) : put()
    await expect(putting).rejects.toMatchObject({
      code: 'access-denied',
      hint: expect.stringMatching('mode'),
    })
  })
})

/**
 * What must not be done is refused, in words, and leaves the store as it was; what goes wrong on the way undoes itself.
 */
import { describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import type { BlockSource } from '#lib/backup/block-source.ts'
import { listBackupVolume } from '#lib/backup/list-backups.ts'
import { memorySource } from '#lib/backup/memory-volume.ts'
import { encodeLock } from '#lib/backupstore/lock-file.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { countingObjectStore } from '#lib/object-store/counting-object-store.ts'
import { memoryObjectStore, type MemoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { ObjectStoreError, type ObjectStore } from '#lib/object-store/object-store.ts'
import { idleClock } from './idle-clock.ts'
import {
  asRestored,
  blockSizeBytes,
  checksumOfLetter,
  imageOf,
  letterSource,
  letterTarget,
} from './letter-volume.ts'
import { countedIds, volumeActions, volumeName } from './volume-actions.ts'

const keys = volumeKeys(volumeName)

const newVolume = () => {
  const clock = idleClock()
  const store = memoryObjectStore({ clock })
  const actionsOn = (other: ObjectStore) => volumeActions({ store: other, clock, ids: countedIds() })
  return { store, clock, actionsOn, ...actionsOn(store) }
}

const twoBackups = async () => {
  const volume = newVolume()
  await volume.backup('b1', 'ABCD')
  await volume.backup('b2', 'AECF')
  return volume
}

/** Keys and bytes. */
const contentOf = (store: MemoryObjectStore): Record<string, string> =>
  Object.fromEntries(
    store.keys().map((key) => [key, Buffer.from(store.bytesAt(key) ?? []).toString('base64')]),
  )

/** What a backup leaves besides blocks: locks, and configs of others than the two that were there. */
const tracesIn = (store: MemoryObjectStore): string[] =>
  store.keys().filter((key) => /\/locks\/|\/backup_(?!b[12]\.)/.test(key))

/** Does something once, before the first block is read. */
const whenBlocksAreRead = (store: ObjectStore, act: () => Promise<unknown>): ObjectStore => {
  let acting: Promise<unknown> | undefined
  return {
    ...store,
    get: async (key, options) => {
      if (key.endsWith('.blk')) await (acting ??= act())
      return store.get(key, options)
    },
  }
}

const ofSize = (sizeBytes: number): BlockSource => ({
  ...letterSource('A'),
  description: 'disk.img',
  sizeBytes,
})

const edit = (store: MemoryObjectStore, key: string, change: (text: string) => string): void => {
  store.setBytes(key, Buffer.from(change(Buffer.from(store.bytesAt(key) ?? []).toString())))
}

describe('a first backup', () => {
  it.each([0, 1, 512, 3 * MiB, 2 * MiB + 1, 4 * MiB - 512])(
    'of %i bytes is refused, and nothing is written',
    async (sizeBytes) => {
      const { store, backup } = newVolume()
      const refused = { code: 'source-size', message: expect.stringContaining(`has ${sizeBytes} bytes`) }
      await expect(backup('b1', '', { source: ofSize(sizeBytes) })).rejects.toMatchObject(refused)
      expect(store.keys()).toEqual([])
    },
  )

  it.each([1, 4096, MiB, 4 * MiB, 8 * MiB, 32 * MiB, -2 * MiB])(
    'with blocks of %d bytes is refused, and nothing is written',
    async (size) => {
      const { store, backup } = newVolume()
      await expect(backup('b1', 'ABCD', { blockSizeBytes: size })).rejects.toMatchObject({
        code: 'unsupported',
      })
      expect(store.keys()).toEqual([])
    },
  )

  it.each(['', 'a', '.', '..', '.a', '../ab', 'a/b', 'a b', 'ä1', 'ab\n', 'x'.repeat(201)])(
    'of a volume or of the name %j is refused, and nothing is written',
    async (name) => {
      const { store, backup } = newVolume()
      const refused = { code: 'invalid-name' }
      await expect(backup('b1', 'A', { volumeName: name })).rejects.toMatchObject(refused)
      await expect(backup(name, 'A')).rejects.toMatchObject(refused)
      await expect(backup('b1', 'A', { lockName: name })).rejects.toMatchObject(refused)
      expect(store.keys()).toEqual([])
    },
  )

  it.each(['Vol', 'x'.repeat(41), 'BACKINGIMAGE'])(
    'of a volume %s, which Longhorn would hide, is refused',
    async (name) => {
      const { store, backup } = newVolume()
      await expect(backup('b1', 'A', { volumeName: name })).rejects.toMatchObject({ code: 'invalid-name' })
      expect(store.keys()).toEqual([])
    },
  )
})

describe('a later backup', () => {
  const refuses = async (options: Parameters<ReturnType<typeof newVolume>['backup']>[2], refused: object) => {
    const { store, backup } = await twoBackups()
    const before = contentOf(store)
    await expect(backup('b3', 'AB', options)).rejects.toMatchObject(refused)
    expect(contentOf(store)).toEqual(before)
  }

  it('of a volume that shrank is refused', async () => {
    await refuses({}, { code: 'source-size', message: expect.stringContaining('had 8388608 already') })
  })

  it('with another block size is refused', async () => {
    const source = letterSource('ABCDEFGH')
    await refuses({ source, blockSizeBytes: 16 * MiB }, { code: 'block-size-changed' })
  })

  it('under a name that is taken is refused, and the one that has it stays', async () => {
    const { store, backup } = await twoBackups()
    const before = contentOf(store)
    await expect(backup('b1', 'XYZA')).rejects.toMatchObject({ code: 'backup-exists' })
    expect(contentOf(store)).toEqual(before)
  })

  it('of a source that was written to meanwhile is not committed', async () => {
    const { store, backup } = await twoBackups()
    const source = { ...letterSource('AECG'), hasChanged: async () => true }
    await expect(backup('b3', '', { source })).rejects.toMatchObject({ code: 'source-changed' })
    expect(tracesIn(store)).toEqual([])
  })

  it('of a source that cannot be read to its end is not committed', async () => {
    const { store, backup } = await twoBackups()
    const broken = new Error('EIO')
    const source: BlockSource = {
      ...letterSource('XYZQ'),
      read: async (request) => {
        if (request.index === 2) throw broken
        return letterSource('XYZQ').read(request)
      },
    }
    await expect(backup('b3', '', { source })).rejects.toBe(broken)
    expect(tracesIn(store)).toEqual([])
  })

  it('that is cancelled takes its mark and its lock away', async () => {
    const { store, backup } = await twoBackups()
    const cancel = new AbortController()
    const reason = new Error('cancelled')
    const onProgress = () => cancel.abort(reason)
    await expect(backup('b3', 'XYZQ', { signal: cancel.signal, onProgress })).rejects.toBe(reason)
    expect(tracesIn(store)).toEqual([])
  })

  it('beside a deletion that goes on is refused when its time is up, and leaves no lock', async () => {
    const { store, clock, backup } = await twoBackups()
    const key = keys.lock('lock-of-another')
    const stopping = new AbortController()
    const refreshing = (async () => {
      for (;;) {
        store.setBytes(key, encodeLock('lock-of-another', 2, true))
        await clock.sleep(60_000, stopping.signal)
      }
    })().catch(() => {})
    const refused = { code: 'locked', message: expect.stringContaining('lock-of-another') }
    await expect(backup('b3', 'AECG', { lockWaitMs: 300_000 })).rejects.toMatchObject(refused)
    stopping.abort()
    await refreshing
    expect(tracesIn(store)).toEqual([key])
  })

  it('sends a block once that it has many times', async () => {
    const { store, actionsOn } = newVolume()
    const counting = countingObjectStore(store)
    const result = await actionsOn(counting.store).backup('b1', 'AAABAAABAAAA', { concurrency: 8 })
    expect(result).toMatchObject({ newBlocks: 2, blockCount: 12 })
    expect(counting.log.filter((line) => /^put .*\.blk$/.test(line)).length).toBe(2)
  })
})

describe('a volume with blocks of 16 MiB', () => {
  const words = { first: 'ABCDEFGHIJKLMNOP', second: 'ABCDEFGHIJKLMNOQ' }

  it('keeps them, and refuses a size that is no multiple', async () => {
    const { backup, restore } = newVolume()
    const source = memorySource(imageOf(words.first))
    expect(await backup('b1', '', { source, blockSizeBytes: 16 * MiB })).toMatchObject({ newBlocks: 2 })
    const next = memorySource(imageOf(words.second))
    expect(await backup('b2', '', { source: next })).toMatchObject({ newBlocks: 1, blockSizeBytes: 16 * MiB })
    await expect(
      backup('b3', '', { source: memorySource(imageOf(`${words.second}A`)) }),
    ).rejects.toMatchObject({
      code: 'source-size',
      hint: expect.stringContaining(String(48 * MiB)),
    })
    await expect(backup('b3', words.second, { blockSizeBytes: 2 * MiB })).rejects.toMatchObject({
      code: 'block-size-changed',
    })
    const target = letterTarget()
    await expect(restore('b3', target)).rejects.toMatchObject({ code: 'backup-missing' })
  })
})

describe('a restore', () => {
  const untouched = () => {
    const target = letterTarget('ZZZZ')
    return { ...target, prepare: () => Promise.reject(new Error('it was written to')) }
  }

  it('of a backup in progress is refused', async () => {
    const { backup, restore } = await twoBackups()
    let refusal: Promise<unknown> | undefined
    const onProgress = () => {
      refusal ??= restore('b3', untouched()).catch((error: unknown) => error)
    }
    await backup('b3', 'XYZQ', { onProgress })
    expect(await refusal).toMatchObject({ code: 'backup-in-progress' })
  })

  it.each([
    { what: 'of no such backup', name: 'b9', code: 'backup-missing', harm: () => {} },
    {
      what: 'of a volume without a volume.cfg',
      name: 'b1',
      code: 'volume-missing',
      harm: (store: MemoryObjectStore) => store.remove(keys.volumeConfig),
    },
    {
      what: 'with a block beyond the end',
      name: 'b1',
      code: 'invalid-config',
      harm: (store: MemoryObjectStore) =>
        edit(store, keys.volumeConfig, (text) =>
          text.replace(String(4 * blockSizeBytes), String(3 * blockSizeBytes)),
        ),
    },
    {
      what: 'whose config names another volume',
      name: 'b1',
      code: 'invalid-config',
      harm: (store: MemoryObjectStore) =>
        edit(store, keys.backupConfig('b1'), (text) =>
          text.replace('"VolumeName":"vol"', '"VolumeName":"lov"'),
        ),
    },
    {
      what: 'whose config names another backup',
      name: 'b1',
      code: 'invalid-config',
      harm: (store: MemoryObjectStore) =>
        edit(store, keys.backupConfig('b1'), (text) => text.replace('"Name":"b1"', '"Name":"b2"')),
    },
    {
      what: 'of half a config',
      name: 'b1',
      code: 'invalid-config',
      harm: (store: MemoryObjectStore) =>
        edit(store, keys.backupConfig('b1'), (text) => text.slice(0, text.length / 2)),
    },
  ])('$what is refused before the target is touched', async ({ name, code, harm }) => {
    const { store, restore } = await twoBackups()
    harm(store)
    await expect(restore(name, untouched())).rejects.toMatchObject({ code })
  })

  it('says that its backup was deleted meanwhile', async () => {
    const { store, actionsOn, remove } = await twoBackups()
    const deleting = whenBlocksAreRead(store, () => remove('b1'))
    const restoring = actionsOn(deleting).restore('b1', letterTarget())
    await expect(restoring).rejects.toMatchObject({
      code: 'backup-deleted',
      cause: { code: 'block-missing' },
    })
    expect(store.keys()).not.toContain(keys.backupConfig('b1'))
  })

  it('goes on when another backup is deleted meanwhile', async () => {
    const { store, actionsOn, remove } = await twoBackups()
    const deleting = whenBlocksAreRead(store, () => remove('b1'))
    const target = letterTarget()
    await actionsOn(deleting).restore('b2', target)
    expect(target.word()).toBe('AECF')
    expect(store.keys()).not.toContain(keys.backupConfig('b1'))
  })
})

describe('salvage', () => {
  it('restores what is left, and lists what is not, once for each block with all its places', async () => {
    const { store, backup, restore } = newVolume()
    await backup('b1', 'ABCAB.D')
    store.remove(keys.block(checksumOfLetter('A')))
    store.setBytes(keys.block(checksumOfLetter('D')), Buffer.from('garbage'))
    const target = letterTarget('ZZZZZZZ')
    const { lost } = await restore('b1', target, { salvage: true })
    expect(target.word()).toBe('.BC.B..')
    expect(lost.toSorted((a, b) => (a.offsetsBytes[0] ?? 0) - (b.offsetsBytes[0] ?? 0))).toEqual([
      {
        checksum: checksumOfLetter('A'),
        offsetsBytes: [0, 3 * blockSizeBytes],
        reason: expect.stringContaining('is missing'),
      },
      {
        checksum: checksumOfLetter('D'),
        offsetsBytes: [6 * blockSizeBytes],
        reason: expect.stringContaining('does not unpack'),
      },
    ])
  })

  it('does not take a store that breaks for lost blocks', async () => {
    const { store, actionsOn, backup } = newVolume()
    await backup('b1', 'ABC')
    const broken = new ObjectStoreError('unreachable', 'no answer')
    const breaking: ObjectStore = {
      ...store,
      get: async (key, options) => {
        if (key.endsWith('.blk')) throw broken
        return store.get(key, options)
      },
    }
    await expect(actionsOn(breaking).restore('b1', letterTarget(), { salvage: true })).rejects.toBe(broken)
  })
})

describe('a store that may only be read', () => {
  const denied = new ObjectStoreError('access-denied', 'you may not write here')
  const readOnly = (store: ObjectStore): ObjectStore => {
    const deny = () => Promise.reject(denied)
    return { ...store, put: deny, copy: deny, deleteMany: deny }
  }

  it('is restored from, listed and verified, and damage is told of', async () => {
    const { store, actionsOn } = await twoBackups()
    const { restore, verify } = actionsOn(readOnly(store))
    const target = letterTarget()
    await restore('b2', target)
    expect(target.word()).toBe(asRestored('AECF'))
    expect(
      (await listBackupVolume({ store: readOnly(store) })(volumeName))?.backups.map(({ name }) => name),
    ).toEqual(['b1', 'b2'])
    expect(await verify()).toMatchObject({ bad: [], checkedBlocks: 6 })

    store.remove(keys.block(checksumOfLetter('D')))
    expect(await verify()).toMatchObject({
      bad: [{ checksum: checksumOfLetter('D') }],
      backups: [
        { name: 'b1', badBlocks: 1 },
        { name: 'b2', badBlocks: 0 },
      ],
    })
  })

  it('refuses backups, deletions and collections', async () => {
    const { store, actionsOn } = await twoBackups()
    const before = contentOf(store)
    const { backup, remove, collect, removeVolume } = actionsOn(readOnly(store))
    for (const work of [backup('b3', 'AECG'), remove('b1'), collect(), removeVolume()]) {
      await expect(work).rejects.toBe(denied)
    }
    expect(contentOf(store)).toEqual(before)
  })
})

describe('a verify', () => {
  it('does not take the blocks of a backup that is deleted meanwhile for lost', async () => {
    const { store, actionsOn, remove } = await twoBackups()
    store.remove(keys.block(checksumOfLetter('E')))
    const deleting = whenBlocksAreRead(store, () => remove('b1'))
    expect(await actionsOn(deleting).verify()).toMatchObject({
      backups: [{ name: 'b2', badBlocks: 1 }],
      bad: [{ checksum: checksumOfLetter('E') }],
    })
    const list = Buffer.from(store.bytesAt(keys.badBlocks) ?? []).toString()
    expect(list.match(/"[0-9a-f]{64}"/g)).toEqual([`"${checksumOfLetter('E')}"`])
  })
})

describe('a deletion', () => {
  it('collects no block while a config cannot be read', async () => {
    const { store, remove } = await twoBackups()
    edit(store, keys.backupConfig('b2'), (text) => text.slice(0, -10))
    expect(await remove('b1')).toMatchObject({
      wasThere: true,
      collect: { kind: 'skipped', reason: 'unreadable' },
    })
    expect(store.keys().filter((key) => key.endsWith('.blk')).length).toBe(6)
  })

  it('clears away the halves of files that died before they got their names', async () => {
    const { store, clock, remove } = await twoBackups()
    const block = keys.block(checksumOfLetter('A'))
    const halves = [block, keys.volumeConfig, keys.backupConfig('b9'), keys.lock('lock-9')].map(
      (key) => `${key}.tmp.123`,
    )
    for (const half of halves) store.setBytes(half, Buffer.of(1))
    clock.advance(3_800_000)
    const young = `${keys.lock('lock-8')}.tmp.456`
    store.setBytes(young, Buffer.of(1))
    await remove('b1')
    expect(store.keys().filter((key) => key.includes('.tmp.'))).toEqual([young])
  })
})

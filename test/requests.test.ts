/**
 * What operations ask of a store, request by request. On S3 each is paid for, and each waits for an answer.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import { blockWorkers } from '#lib/backup/block-workers.ts'
import type { BlockSource } from '#lib/backup/block-source.ts'
import { fileSource } from '#lib/backup/file-source.ts'
import { memoryTarget } from '#lib/backup/memory-volume.ts'
import { encodeBackupConfig, inProgressConfig } from '#lib/backupstore/backup-config.ts'
import { blockListBuilder } from '#lib/backupstore/block-list.ts'
import { checksumOf } from '#lib/backupstore/checksum.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { encodeVolumeConfig } from '#lib/backupstore/volume-config.ts'
import { countingObjectStore } from '#lib/object-store/counting-object-store.ts'
import { memoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { writeImage } from './crash/file-operations.ts'
import { idleClock, type IdleClock } from './idle-clock.ts'
import { imageOf, letterSource } from './letter-volume.ts'
import { volumeActions, volumeName } from './volume-actions.ts'

const keys = volumeKeys(volumeName)

/** A volume of many different blocks, of which some are others in each generation. */
const wordOf = (blocks: number, changed = 0, generation = 0): string =>
  Array.from({ length: blocks }, (_, i) =>
    String.fromCodePoint(0x4e00 + i + (i < changed ? 1000 * generation : 0)),
  ).join('')

const counted = () => {
  const clock = idleClock()
  const memory = memoryObjectStore({ clock })
  const counting = countingObjectStore(memory)
  return {
    clock,
    memory,
    past: volumeActions({ store: memory, clock }),
    actions: volumeActions({ store: counting.store, clock }),
    calls: counting.calls,
    log: counting.log,
  }
}

describe('an incremental backup', () => {
  it.each([0, 1, 7, 30])(
    'with %i changed blocks makes at most 12 more requests, one of them a LIST',
    async (changed) => {
      const { past, actions, calls } = counted()
      await past.backup('b1', wordOf(32))
      const result = await actions.backup('b2', wordOf(32, changed, 1))
      expect(result).toMatchObject({ newBlocks: changed, readBlocks: 32 })
      expect(calls.total).toBeLessThanOrEqual(changed + 12)
      expect(calls.list).toBe(1)
    },
  )

  it('of a volume that grew makes no more', async () => {
    const { past, actions, calls } = counted()
    await past.backup('b1', wordOf(20))
    await actions.backup('b2', wordOf(24))
    expect(calls.total).toBeLessThanOrEqual(4 + 12)
    expect(calls.list).toBe(1)
  })

  const slowly = (word: string, clock: IdleClock, msPerBlock: number): BlockSource => {
    const source = letterSource(word)
    return {
      ...source,
      read: async (request) => {
        await clock.sleep(msPerBlock)
        return source.read(request)
      },
    }
  }

  it.each([1, 5, 20])('that runs for %i minutes makes one more for each', async (minutes) => {
    const { past, actions, calls, clock } = counted()
    await past.backup('b1', wordOf(20))
    const begunMs = clock.now().getTime()
    const source = slowly(wordOf(20, 4, 1), clock, minutes * 3000)
    await actions.backup('b2', '', { source, concurrency: 1 })
    expect((clock.now().getTime() - begunMs) / 60_000).toBeCloseTo(minutes)
    expect(calls.total).toBeLessThanOrEqual(4 + 12 + minutes)
    expect(calls.total).toBeGreaterThanOrEqual(4 + minutes)
    expect(calls.list).toBe(1)
  })
})

describe('a restore', () => {
  it('makes one GET for each distinct block and two more', async () => {
    const { past, actions, calls } = counted()
    await past.backup('b1', 'ABAC..ABBD')
    await actions.restore('b1', memoryTarget())
    expect(calls).toMatchObject({ get: 4 + 2, total: 4 + 2 })
  })

  it('onto an earlier backup makes one for each distinct block that differs and three more', async () => {
    const { past, actions, calls } = counted()
    await past.backup('b1', 'ABAC..ABBD')
    await past.backup('b2', 'AEAE..ABFD')
    const target = memoryTarget(imageOf('ABAC..ABBD'))
    await actions.restore('b2', target, { fromBackupName: 'b1' })
    expect(Buffer.compare(target.content(), imageOf('AEAE..ABFD'))).toBe(0)
    expect(calls).toMatchObject({ get: 2 + 3, total: 2 + 3 })
  })
})

describe('the deletion of one backup of a volume of 30,000 blocks', () => {
  const checksums = Array.from({ length: 30_000 }, (_, i) => checksumOf(`block ${i}`))

  /** Two backups of 20,000 blocks, half of which are the same. */
  const largeVolume = async () => {
    const { memory, ...rest } = counted()
    for (const checksum of checksums) memory.setBytes(keys.block(checksum), Buffer.of(1))
    for (const [name, from] of [
      ['b1', 0],
      ['b2', 10_000],
    ] as const) {
      const blocks = blockListBuilder(2 * MiB)
      for (const [index, checksum] of checksums.slice(from, from + 20_000).entries())
        blocks.set(index, checksum)
      const time = `2025-12-0${from === 0 ? 1 : 2}T00:00:00Z`
      const header = inProgressConfig({ name, volumeName, compressionMethod: 'lz4' })
      const config = { ...header, snapshotCreatedAt: time, createdAt: time, blocks: blocks.build() }
      await memory.put(keys.backupConfig(name), encodeBackupConfig(config))
    }
    const volume = {
      name: volumeName,
      sizeBytes: 20_000 * 2 * MiB,
      labels: {},
      createdAt: '',
      lastBackupName: 'b2',
    }
    const rests = { lastBackupAt: '2025-12-02T00:00:00Z', blockCount: 30_000, compressionMethod: 'lz4' }
    const empty = { backingImageName: '', backingImageChecksum: '', storageClassName: '', dataEngine: 'v1' }
    memory.setBytes(keys.volumeConfig, encodeVolumeConfig({ ...volume, ...rests, ...empty }))
    return { memory, ...rest }
  }

  it('makes at most 40 LISTs, and no request for a block that is kept', async () => {
    const { memory, actions, calls, log } = await largeVolume()
    const result = await actions.remove('b1')
    expect(result.collect).toMatchObject({ kind: 'collected', deletedBlocks: 10_000, keptBlocks: 20_000 })
    expect(calls.list).toBeLessThanOrEqual(40)
    expect(calls.total).toBeLessThanOrEqual(40 + 3 * 10 + 20)
    const asked = new Set(log.join('\n').match(/[0-9a-f]{64}(?=\.blk)/g))
    expect(checksums.filter((checksum) => asked.has(checksum))).toEqual(checksums.slice(0, 10_000))
    expect(checksums.slice(0, 10_000).filter((checksum) => memory.bytesAt(keys.block(checksum)))).toEqual([])
  })
})

const hasCmp = spawnSync('cmp', ['--version']).error === undefined
if (!hasCmp) console.log('skipped: what cmp says of two images, since cmp is not installed')

describe.skipIf(!hasCmp)('the blocks that an incremental backup adds', () => {
  const folder = mkdtempSync(join(tmpdir(), 'drover-cmp-'))
  const workers = blockWorkers(2)
  afterAll(async () => {
    await workers.close()
    rmSync(folder, { recursive: true })
  })
  const imageAt = (name: string, word: string): string => {
    const path = join(folder, name)
    writeImage(path, word)
    return path
  }
  const blockBytes = 2 * MiB

  /** By cmp(1), which knows nothing of blocks but where to look. */
  const differingBlocks = (a: string, b: string, count: number): number[] =>
    Array.from({ length: count }, (_, i) => i).filter((i) => {
      const { status } = spawnSync('cmp', [
        '-s',
        '-i',
        String(i * blockBytes),
        '-n',
        String(blockBytes),
        a,
        b,
      ])
      return status === 1
    })

  const sumOf = (path: string, index: number): string => {
    const block = execFileSync('dd', [`if=${path}`, 'bs=2M', `skip=${index}`, 'count=1', 'status=none'], {
      maxBuffer: 3 * MiB,
    })
    return execFileSync('sha512sum', { input: block, encoding: 'utf8' }).slice(0, 64)
  }

  const blocksIn = (keysOfStore: readonly string[]): string[] =>
    keysOfStore.flatMap((key) => key.match(/([0-9a-f]{64})\.blk$/)?.[1] ?? [])

  it('are those that cmp finds changed and that the volume never had', async () => {
    const { memory, past, actions } = counted()
    const backUp = async (by: typeof past, name: string, path: string) => {
      const source = await fileSource(path, workers)
      await by.backup(name, '', { source })
      await source.close()
    }
    const [first, second, third] = [
      imageAt('first', 'ABCDEF..GH'),
      imageAt('second', 'AXXDEa..0H'),
      imageAt('third', 'ABYDYaZA.#'),
    ]
    await backUp(past, 'b1', first)
    await backUp(past, 'b2', second)
    const before = new Set(blocksIn(memory.keys()))
    await backUp(actions, 'b3', third)
    const added = blocksIn(memory.keys()).filter((checksum) => !before.has(checksum))

    const changed = differingBlocks(second, third, 10)
    expect(changed).toEqual([1, 2, 4, 6, 7, 9])
    const sums = new Set(changed.map((index) => sumOf(third, index)))
    expect(added.toSorted()).toEqual([...sums].filter((checksum) => !before.has(checksum)).toSorted())
    expect(added.length).toBe(3)
  })
})

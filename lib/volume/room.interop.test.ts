import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import { makePoolFileSystem, noPools, run, type PoolFileSystem } from '#test/pool-file-system.ts'
import { failure, testPools, type TestPools } from './pool-fixture.contract.ts'
import type { Pool } from './pool.ts'
import { VolumeError } from './volume-error.ts'

const reason = noPools()
if (reason !== undefined) console.log(`full pools: skipped, ${reason}`)

const volumeBytes = 64 * MiB

/** Writes all of a device past the page cache. It fails when any write does. */
const overwrite = (device: string, chunk: string): void => {
  run(
    'dd',
    'if=/dev/urandom',
    `of=${device}`,
    `bs=${chunk}`,
    'oflag=direct',
    'conv=notrunc',
    `count=${volumeBytes}B`,
    'iflag=fullblock',
  )
}

/** Attached as long as it may be: what a pool copies is copied at rest. */
const overwriteAll = async (pool: Pool, chunk = '1M'): Promise<void> => {
  const { path: device = '' } = await pool.attachVolume('data', 'block')
  overwrite(device, chunk)
  if (pool.kind === 'copy') await pool.detachVolume('data')
}

const takeUntilFull = async (pool: Pool, most: number): Promise<number> => {
  for (let count = 0; count < most; count++) {
    await overwriteAll(pool)
    try {
      await pool.createSnapshot('data', {})
    } catch (error) {
      if (error instanceof VolumeError && error.code === 'pool-full') return count
      throw error
    }
  }
  throw new Error(`${most} snapshots of ${volumeBytes} bytes went into a small file system`)
}

/** Leaves so much free, in a file of its own. */
const fillUpTo = async (pool: Pool, freeBytes: number): Promise<string> => {
  const filler = join(pool.folder, '..', 'filler')
  const { availableBytes } = await pool.status()
  run('fallocate', '--length', String(availableBytes - freeBytes), filler)
  run('sync', '--file-system', filler)
  return filler
}

const fullTests = (pools: TestPools): void => {
  it('refuses a snapshot before a volume runs out of room for its own writes', async () => {
    const pool = await pools.open()
    await pool.createVolume({ name: 'data', sizeBytes: volumeBytes })
    const taken = await takeUntilFull(pool, 10)
    expect(taken).toBeGreaterThan(0)
    for (const chunk of ['1M', '64K']) await overwriteAll(pool, chunk)
    await expect(pool.createSnapshot('data', {})).rejects.toEqual(failure('pool-full'))
    await expect(pool.createVolume({ name: 'other', sizeBytes: 128 * MiB })).rejects.toEqual(
      failure('pool-full'),
    )
    await pool.detachVolume('data')
    const [oldest, next] = await pool.listSnapshots('data')
    await expect(pool.revertVolume('data', oldest?.name ?? '')).rejects.toEqual(failure('pool-full'))
    // Its deletion makes room again; XFS frees it a moment later.
    for (const { name } of [oldest, next].filter((view) => view !== undefined))
      await pool.deleteSnapshot('data', name)
    await expect
      .poll(() =>
        pool.createSnapshot('data', {}).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true)
    await pool.deleteVolume('data')
  })

  it('promises room once, though two ask at once', async () => {
    const pool = await pools.open()
    const names = ['one', 'two']
    for (const name of names) {
      await pool.createVolume({ name, sizeBytes: volumeBytes })
      const { path: device = '' } = await pool.attachVolume(name, 'block')
      overwrite(device, '1M')
      await pool.detachVolume(name)
    }
    const filler = await fillUpTo(pool, 1.5 * volumeBytes)
    try {
      const taken = await Promise.allSettled(names.map((name) => pool.createSnapshot(name, {})))
      const refused = taken.filter(({ status }) => status === 'rejected')
      expect(refused).toEqual([{ status: 'rejected', reason: failure('pool-full') }])
    } finally {
      run('rm', filler)
    }
  })
}

describe.skipIf(reason !== undefined)('a full pool', () => {
  describe.each(['btrfs', 'xfs', 'copy'] as const)('on %s', (kind) => {
    let fileSystem: PoolFileSystem
    beforeAll(() => {
      fileSystem = makePoolFileSystem(kind, 512 * MiB)
    })
    afterAll(() => fileSystem.close())
    fullTests(testPools({ kind, folder: () => fileSystem.folder, hasDevices: true }))
  })
})

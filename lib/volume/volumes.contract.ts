/**
 * @module volumes.contract: making, restoring, expanding and deleting volumes, in every pool alike.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { GiB, MiB } from '#lib/base/sizes.ts'
import {
  expectSame,
  failure,
  letters,
  readHead,
  readSnapshot,
  writeVolume,
  type TestPools,
} from './pool-fixture.contract.ts'
import type { Frontend } from './attachment-state.ts'

const goodNames = ['ab', 'A9', 'a_b.c-d', '0..', 'x'.repeat(200)]
const badNames = [
  '',
  'a',
  '-ab',
  '.ab',
  '..',
  '../ab',
  'a/b',
  'a b',
  'ä-b',
  'a\nb',
  'ab\n',
  'a\0b',
  'x'.repeat(201),
]

const foldersOf = (folder: string): string[] => readdirSync(join(folder, 'volumes')).toSorted()

const creationContract = (pools: TestPools): void => {
  it.each([
    [1, 2, 10],
    [10 * MiB, 2, 10],
    [10 * MiB + 1, 2, 12],
    [13 * MiB, 2, 14],
    [1, 16, 16],
    [16 * MiB + 1, 16, 32],
  ])('rounds %d bytes up to whole blocks of %d MiB: %d MiB', async (sizeBytes, blockMiB, roundedMiB) => {
    const pool = await pools.open()
    const volume = await pool.createVolume({ name: 'data', sizeBytes, blockSizeBytes: blockMiB * MiB })
    expect(volume).toMatchObject({ sizeBytes: roundedMiB * MiB, blockSizeBytes: blockMiB * MiB })
    expectSame(await readHead(pool), Buffer.alloc(roundedMiB * MiB))
  })

  it('takes no room for what was never written', async () => {
    const pool = await pools.open()
    const volume = await pool.createVolume({ name: 'data', sizeBytes: 200 * MiB })
    expect(volume.actualSizeBytes).toBeLessThan(MiB)
  })

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])(
    'refuses %d bytes',
    async (sizeBytes) => {
      const pool = await pools.open()
      await expect(pool.createVolume({ name: 'data', sizeBytes })).rejects.toEqual(failure('invalid-size'))
      expect(foldersOf(pool.folder)).toEqual([])
    },
  )

  it.each([0, MiB, 4 * MiB])('refuses blocks of %d bytes', async (blockSizeBytes) => {
    const pool = await pools.open()
    const made = pool.createVolume({ name: 'data', sizeBytes: MiB, blockSizeBytes })
    await expect(made).rejects.toEqual(failure('invalid-size'))
  })

  it('refuses more than the file system holds, and leaves nothing', async () => {
    const pool = await pools.open()
    const made = pool.createVolume({ name: 'data', sizeBytes: 1024 * 1024 * GiB })
    await expect(made).rejects.toEqual(failure('pool-full'))
    expect(foldersOf(pool.folder)).toEqual([])
  })

  it('takes good names and refuses bad ones', async () => {
    const pool = await pools.open()
    for (const name of goodNames) await pool.createVolume({ name, sizeBytes: MiB })
    for (const name of badNames)
      await expect(pool.createVolume({ name, sizeBytes: MiB })).rejects.toEqual(failure('invalid-name'))
    expect(foldersOf(pool.folder)).toEqual(goodNames.toSorted())
  })

  it('makes one volume of a name, though eight ask at once', async () => {
    const pool = await pools.open()
    const made = await Promise.allSettled(
      Array.from({ length: 8 }, () => pool.createVolume({ name: 'data', sizeBytes: MiB })),
    )
    const failed = made.filter(({ status }) => status === 'rejected')
    expect(failed).toEqual(
      Array.from({ length: 7 }, () => ({ status: 'rejected', reason: failure('volume-exists') })),
    )
    expect(await pool.listVolumes()).toHaveLength(1)
  })

  it('lists volumes with their size and what they have on the disk', async () => {
    const pool = await pools.open()
    await pool.createVolume({ name: 'empty', sizeBytes: 12 * MiB, sectorSizeBytes: 4096 })
    await pool.createVolume({ name: 'data', sizeBytes: 20 * MiB, blockSizeBytes: 2 * MiB })
    await writeVolume(pools, { pool }, 4 * MiB, letters('a', 3 * MiB))
    const [data, empty] = (await pool.listVolumes()).toSorted((a, b) => a.name.localeCompare(b.name))
    expect(data).toMatchObject({ name: 'data', sizeBytes: 20 * MiB, state: 'detached', snapshots: 0 })
    expect(data?.actualSizeBytes).toBeGreaterThanOrEqual(3 * MiB)
    expect(data?.actualSizeBytes).toBeLessThan(5 * MiB)
    expect(empty).toMatchObject({
      name: 'empty',
      sectorSizeBytes: 4096,
      path: undefined,
      frontend: undefined,
    })
    expect(empty?.actualSizeBytes).toBeLessThan(MiB)
    expect(await pool.showVolume('data')).toEqual(data)
    expect(await pool.status()).toMatchObject({ volumes: 2, scheduledBytes: 32 * MiB, oddities: [] })
  })

  it('knows no volume that was not made', async () => {
    const pool = await pools.open()
    for (const work of [
      () => pool.showVolume('none'),
      () => pool.deleteVolume('none'),
      () => pool.expandVolume('none', MiB),
      () => pool.attachVolume('none', 'file'),
      () => pool.createSnapshot('none', {}),
      () => pool.hasWritesSince('none', 'one'),
    ])
      await expect(work()).rejects.toEqual(failure('volume-not-found'))
  })
}

const expansionContract = (pools: TestPools): void => {
  it('expands a detached volume by zeros, in whole blocks', async () => {
    const pool = await pools.open()
    await pool.createVolume({ name: 'data', sizeBytes: 10 * MiB })
    await writeVolume(pools, { pool }, 9 * MiB, letters('a', MiB))
    expect(await pool.expandVolume('data', 12 * MiB + 1)).toMatchObject({ sizeBytes: 14 * MiB })
    const expected = Buffer.concat([Buffer.alloc(9 * MiB), letters('a', MiB), Buffer.alloc(4 * MiB)])
    expectSame(await readHead(pool), expected)
  })

  it('takes the same size, and refuses a smaller one', async () => {
    const pool = await pools.open()
    await pool.createVolume({ name: 'data', sizeBytes: 14 * MiB })
    expect(await pool.expandVolume('data', 13 * MiB)).toMatchObject({ sizeBytes: 14 * MiB })
    await expect(pool.expandVolume('data', 12 * MiB)).rejects.toEqual(failure('invalid-size'))
    await expect(pool.expandVolume('data', 1024 * 1024 * GiB)).rejects.toEqual(failure('pool-full'))
    expect(await pool.showVolume('data')).toMatchObject({ sizeBytes: 14 * MiB })
  })
}

const deletionContract = (pools: TestPools): void => {
  it('deletes a volume with its snapshots, and makes an empty one under its name', async () => {
    const pool = await pools.open()
    await pool.createVolume({ name: 'data', sizeBytes: 10 * MiB })
    await writeVolume(pools, { pool }, 0, letters('a', MiB))
    await pool.createSnapshot('data', { name: 'one' })
    await pool.deleteVolume('data')
    expect([foldersOf(pool.folder), await pool.listVolumes()]).toEqual([[], []])
    await expect(pool.deleteVolume('data')).rejects.toEqual(failure('volume-not-found'))
    await pool.createVolume({ name: 'data', sizeBytes: 10 * MiB })
    expectSame(await readHead(pool), Buffer.alloc(10 * MiB))
    expect(await pool.listSnapshots('data')).toEqual([])
  })

  it('refuses to delete what is attached', async () => {
    const pool = await pools.open()
    await pool.createVolume({ name: 'data', sizeBytes: 10 * MiB })
    const frontends: Frontend[] = pools.hasDevices ? ['block', 'file', 'none'] : ['file', 'none']
    for (const frontend of frontends) {
      await pool.attachVolume('data', frontend)
      await expect(pool.deleteVolume('data')).rejects.toEqual(failure('volume-attached'))
      await pool.detachVolume('data')
    }
    await pool.deleteVolume('data')
  })
}

const restoreContract = (pools: TestPools): void => {
  it('shows a restored volume only when it is complete', async () => {
    const pool = await pools.open()
    const restoring = await pool.restoreVolume({ name: 'data', sizeBytes: 11 * MiB })
    expect(restoring.sizeBytes).toBe(12 * MiB)
    const content = Buffer.concat([letters('a', 5 * MiB), Buffer.alloc(7 * MiB)])
    writeFileSync(restoring.path, content, { flag: 'r+' })
    expect(await pool.listVolumes()).toEqual([])
    await expect(pool.attachVolume('data', 'file')).rejects.toEqual(failure('volume-not-found'))
    const second = pool.createVolume({ name: 'data', sizeBytes: MiB })
    await expect(second).rejects.toEqual(failure('volume-exists'))
    await restoring.finish()
    expectSame(await readHead(pool), content)
  })

  it('restores several at once, and leaves nothing of one abandoned', async () => {
    const pool = await pools.open()
    const names = ['one', 'two', 'three', 'four']
    const all = await Promise.all(names.map((name) => pool.restoreVolume({ name, sizeBytes: 10 * MiB })))
    for (const [index, { path }] of all.entries())
      writeFileSync(path, letters(String(index), 10 * MiB), { flag: 'r+' })
    await Promise.all(all.map((restoring, index) => (index === 3 ? restoring.abandon() : restoring.finish())))
    expect(foldersOf(pool.folder)).toEqual(['one', 'three', 'two'])
    for (const [index, name] of names.slice(0, 3).entries()) {
      await pool.createSnapshot(name, { name: 'it' })
      expectSame(await readSnapshot(pool, 'it', name), letters(String(index), 10 * MiB))
    }
  })

  it('takes back a restore that nobody finished, when it is opened again', async () => {
    const pool = await pools.open()
    await pool.restoreVolume({ name: 'data', sizeBytes: 10 * MiB })
    const again = await pools.reopen(pool)
    expect([await again.listVolumes(), foldersOf(pool.folder)]).toEqual([[], []])
    await again.createVolume({ name: 'data', sizeBytes: 10 * MiB })
  })
}

export const volumesContract = (pools: TestPools): void => {
  describe('volumes', () => {
    creationContract(pools)
    expansionContract(pools)
    deletionContract(pools)
    restoreContract(pools)
  })
}

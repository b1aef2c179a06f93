/**
 * @module changed-extents.contract: what changed between snapshots, against a comparison of every byte, in every pool alike.
 */
import { cpSync, rmSync, statSync, truncateSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import { KiB, MiB } from '#lib/base/sizes.ts'
import { run } from '#test/pool-file-system.ts'
import { extentUnitBytes } from './extents.ts'
import {
  differingUnits,
  failure,
  letters,
  readSnapshot,
  unitsOf,
  writeAt,
  writeVolume,
  type TestPools,
} from './pool-fixture.contract.ts'
import type { Pool } from './pool.ts'

const sizeBytes = 24 * MiB

const randomFrom = (seed: number) => (below: number) => {
  // oxlint-disable-next-line no-param-reassign -- the state of the generator
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((seed / 2 ** 32) * below)
}

const touched = (offsetBytes: number, lengthBytes: number): number[] => {
  const first = Math.floor(offsetBytes / extentUnitBytes)
  const end = Math.ceil((offsetBytes + lengthBytes) / extentUnitBytes)
  return Array.from({ length: end - first }, (_, index) => first + index)
}

const kinds = ['write', 'write', 'zeros', 'discard', 'same'] as const

/** Does something at random to a device or file. The units that it may have touched. */
const mutate = (
  path: string,
  { hasDevices }: TestPools,
  random: (below: number) => number,
  letter: string,
): number[] => {
  const kind = kinds[random(kinds.length)] ?? 'write'
  const isAligned = kind === 'discard' || random(2) === 0
  const unit = isAligned ? extentUnitBytes : 1
  const offsetBytes = Math.floor(random(sizeBytes - MiB) / unit) * unit
  const lengthBytes = Math.max(unit, Math.floor(random(random(4) === 0 ? MiB : 32 * KiB) / unit) * unit)
  if (kind === 'discard') {
    const [offset, length] = [String(offsetBytes), String(lengthBytes)]
    if (hasDevices) run('blkdiscard', '--offset', offset, '--length', length, path)
    else run('fallocate', '--punch-hole', '--offset', offset, '--length', length, path)
  } else {
    const written =
      kind === 'zeros' ? Buffer.alloc(lengthBytes) : letters(kind === 'same' ? 's' : letter, lengthBytes)
    writeAt(path, offsetBytes, written)
  }
  return touched(offsetBytes, lengthBytes)
}

/** A snapshot after each round of changes; what each round touched. */
const mutated = async (
  pools: TestPools,
  pool: Pool,
  seed: number,
  rounds: number,
): Promise<Set<number>[]> => {
  const random = randomFrom(seed)
  const all: Set<number>[] = []
  for (let round = 0; round < rounds; round++) {
    const { path } = await pool.attachVolume('data', pools.hasDevices ? 'block' : 'file')
    const units = new Set<number>()
    for (let count = 5 + random(15); count > 0; count--)
      for (const index of mutate(path ?? '', pools, random, String.fromCodePoint(97 + random(20))))
        units.add(index)
    await pool.detachVolume('data')
    await pool.createSnapshot('data', { name: `s-${round}` })
    all.push(units)
  }
  return all
}

const diff = async (pool: Pool, base: string, name: string): Promise<Set<number>> => {
  const reader = await pool.openSnapshot('data', name)
  try {
    return await unitsOf(reader.changedSince(base), reader.snapshot.sizeBytes)
  } finally {
    reader.close()
  }
}

const allocatedUnits = async (pool: Pool, name: string): Promise<Set<number>> => {
  const reader = await pool.openSnapshot('data', name)
  try {
    return await unitsOf(reader.allocated(), reader.snapshot.sizeBytes)
  } finally {
    reader.close()
  }
}

const expectCovers = (told: Set<number>, real: Set<number>): void =>
  expect([...real].filter((index) => !told.has(index))).toEqual([])

const damageContract = (pools: TestPools): void => {
  const withTwo = async () => {
    const pool = await pools.open()
    await pool.createVolume({ name: 'data', sizeBytes: 10 * MiB })
    await pool.createSnapshot('data', { name: 's-0' })
    await writeVolume(pools, { pool }, 0, letters('a', MiB))
    await pool.createSnapshot('data', { name: 's-1' })
    const reader = await pool.openSnapshot('data', 's-1')
    reader.close()
    return { pool, layer: dirname(reader.path), image: reader.path }
  }
  const expectDamaged = async (pool: Pool) => {
    await expect(pool.openSnapshot('data', 's-1')).rejects.toEqual(failure('layer-damaged'))
    await expect(diff(pool, 's-1', 's-0')).rejects.toEqual(failure('layer-damaged'))
    await expect(pool.revertVolume('data', 's-1')).rejects.toEqual(failure('layer-damaged'))
    expect(await diff(pool, 's-0', 's-0')).toEqual(new Set())
    await pool.deleteSnapshot('data', 's-1')
    expect(await pool.status()).toMatchObject({ oddities: [] })
  }
  const removeLayer = (layer: string) => {
    if (pools.kind === 'btrfs') run('btrfs', 'subvolume', 'delete', layer)
    else rmSync(layer, { recursive: true })
  }

  it('refuses a snapshot that somebody deleted', async () => {
    const { pool, layer } = await withTwo()
    removeLayer(layer)
    await expectDamaged(pool)
  })

  it('refuses a snapshot whose file has another size', async () => {
    const { pool, layer, image } = await withTwo()
    if (pools.kind === 'btrfs') run('btrfs', 'property', 'set', '-f', layer, 'ro', 'false')
    else run('chmod', '600', image)
    truncateSync(image, 4 * MiB)
    await expectDamaged(pool)
  })

  it('reads no snapshot that somebody replaced by a copy of the same size', async () => {
    const { pool, layer, image } = await withTwo()
    const copy = `${layer}-copy`
    if (pools.kind === 'btrfs') {
      run('btrfs', 'subvolume', 'snapshot', layer, copy)
      removeLayer(layer)
      run('btrfs', 'subvolume', 'snapshot', '-r', copy, layer)
      removeLayer(copy)
    } else {
      cpSync(image, copy)
      rmSync(image)
      cpSync(copy, image)
      rmSync(copy)
    }
    expect(statSync(image).size).toBe(10 * MiB)
    await expect(pool.openSnapshot('data', 's-1')).rejects.toEqual(failure('layer-damaged'))
    await expect(diff(pool, 's-1', 's-0')).rejects.toEqual(failure('layer-damaged'))
    await pool.deleteSnapshot('data', 's-1')
  })
}

export const changedExtentsContract = (pools: TestPools): void => {
  describe('changed extents', () => {
    it.each([1, 2, 3])(
      'tells all that a byte comparison finds, from any snapshot to any other (%d)',
      async (seed) => {
        const pool = await pools.open()
        await pool.createVolume({ name: 'data', sizeBytes })
        const touchedBy = await mutated(pools, pool, seed, 4)
        const contents = await Promise.all(touchedBy.map((_, round) => readSnapshot(pool, `s-${round}`)))
        for (const [from, before] of contents.entries())
          for (const [to, after] of contents.entries()) {
            const [told, real] = [await diff(pool, `s-${from}`, `s-${to}`), differingUnits(before, after)]
            expectCovers(told, real)
            if (pools.kind === 'copy') expect(told).toEqual(real)
            const between = touchedBy.slice(Math.min(from, to) + 1, Math.max(from, to) + 1)
            const touchedBetween = new Set(between.flatMap((units) => [...units]))
            // What was written with the content it had is told too; what nobody wrote is not.
            expectCovers(touchedBetween, told)
          }
      },
    )

    it('tells all that was ever written as allocated, and nothing else', async () => {
      const pool = await pools.open()
      await pool.createVolume({ name: 'data', sizeBytes })
      const touchedBy = await mutated(pools, pool, 9, 3)
      for (const round of touchedBy.keys()) {
        const written = new Set(touchedBy.slice(0, round + 1).flatMap((units) => [...units]))
        const content = await readSnapshot(pool, `s-${round}`)
        const told = await allocatedUnits(pool, `s-${round}`)
        expectCovers(told, differingUnits(Buffer.alloc(0), content))
        expectCovers(written, told)
      }
    })

    it('has nothing allocated in a new volume, and all of a full one', async () => {
      const pool = await pools.open()
      await pool.createVolume({ name: 'data', sizeBytes: 10 * MiB })
      await pool.createSnapshot('data', { name: 'empty' })
      await writeVolume(pools, { pool }, 0, letters('a', 10 * MiB))
      await pool.createSnapshot('data', { name: 'full' })
      expect((await allocatedUnits(pool, 'empty')).size).toBe(0)
      expect((await allocatedUnits(pool, 'full')).size).toBe((10 * MiB) / extentUnitBytes)
      expect((await diff(pool, 'empty', 'full')).size).toBe((10 * MiB) / extentUnitBytes)
    })

    it('takes what lies beyond the end of the base for zeros', async () => {
      const pool = await pools.open()
      await pool.createVolume({ name: 'data', sizeBytes: 10 * MiB })
      await writeVolume(pools, { pool }, 9 * MiB, letters('a', MiB))
      await pool.createSnapshot('data', { name: 'small' })
      await pool.expandVolume('data', 14 * MiB)
      await writeVolume(pools, { pool }, 12 * MiB, letters('b', 8 * KiB))
      await pool.createSnapshot('data', { name: 'large' })
      expect(await diff(pool, 'small', 'large')).toEqual(new Set([3072, 3073]))
      expect(await diff(pool, 'large', 'small')).toEqual(new Set())
    })

    it('refuses a base that is not there', async () => {
      const pool = await pools.open()
      await pool.createVolume({ name: 'data', sizeBytes: 10 * MiB })
      await pool.createSnapshot('data', { name: 's-0' })
      await expect(diff(pool, 'none', 's-0')).rejects.toEqual(failure('snapshot-not-found'))
    })

    damageContract(pools)
  })
}

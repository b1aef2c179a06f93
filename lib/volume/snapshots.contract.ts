/**
 * @module snapshots.contract: snapshots and going back to them, in every pool alike.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import {
  digest,
  expectSame,
  failure,
  letters,
  readHead,
  readSnapshot,
  writeVolume,
  type TestPools,
} from './pool-fixture.contract.ts'
import type { Pool } from './pool.ts'
import { mostSnapshots } from './snapshots.ts'
import type { VolumeRecord } from './volume-record.ts'

const sizeBytes = 12 * MiB

/** Each name a snapshot, and before it its first letter written to a MiB of its own. */
const withSnapshots = async (pools: TestPools, names: readonly string[]): Promise<Pool> => {
  const pool = await pools.open()
  await pool.createVolume({ name: 'data', sizeBytes })
  for (const [index, name] of names.entries()) {
    await writeVolume(pools, { pool }, index * MiB, letters(name, MiB))
    await pool.createSnapshot('data', { name })
  }
  return pool
}

/** `name<parent>children`, the head's parent with a star. */
const treeOf = async (pool: Pool): Promise<string[]> => {
  const views = await pool.listSnapshots('data')
  return views
    .map(
      ({ name, parent, children, isHeadParent }) =>
        `${name}<${parent ?? ''}>${children.toSorted().join()}${isHeadParent ? '*' : ''}`,
    )
    .toSorted()
}

const takingContract = (pools: TestPools): void => {
  it('reads a snapshot as it was taken, whatever is written later', async () => {
    const pool = await withSnapshots(pools, ['one', 'two'])
    const taken = await readHead(pool)
    await writeVolume(pools, { pool }, 0, letters('z', sizeBytes))
    expectSame(await readSnapshot(pool, 'two'), taken)
    const one = Buffer.concat([letters('one', MiB), Buffer.alloc(sizeBytes - MiB)])
    expectSame(await readSnapshot(pool, 'one'), one)
    expectSame(await readHead(pool), letters('z', sizeBytes))
  })

  it('says who made it, when, of what size, and how consistent it is', async () => {
    const pool = await pools.open()
    await pool.createVolume({ name: 'data', sizeBytes })
    const made = await pool.createSnapshot('data', { name: 'mine', labels: { job: 'nightly' } })
    const shape = { sizeBytes, consistency: 'at-rest', parentId: null }
    expect(made).toMatchObject({ ...shape, name: 'mine', isUserCreated: true, labels: { job: 'nightly' } })
    expect(made.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    const system = await pool.createSnapshot('data', { isUserCreated: false })
    expect(system).toMatchObject({ isUserCreated: false, labels: {}, parentId: made.id })
    expect(system.name).toMatch(/^snap-[0-9a-f]{16}$/)
    expect(await pool.listSnapshots('data')).toMatchObject([made, system])
  })

  it('refuses a name that is taken, is no name, or is not there', async () => {
    const pool = await withSnapshots(pools, ['one'])
    await expect(pool.createSnapshot('data', { name: 'one' })).rejects.toEqual(failure('snapshot-exists'))
    await expect(pool.createSnapshot('data', { name: '../x' })).rejects.toEqual(failure('invalid-name'))
    for (const work of [
      () => pool.deleteSnapshot('data', 'none'),
      () => pool.revertVolume('data', 'none'),
      () => pool.openSnapshot('data', 'none'),
      () => pool.hasWritesSince('data', 'none'),
    ])
      await expect(work()).rejects.toEqual(failure('snapshot-not-found'))
    expect(await treeOf(pool)).toEqual(['one<>*'])
  })

  it(`keeps at most ${mostSnapshots} of a volume`, async () => {
    const pool = await withSnapshots(pools, ['one'])
    const path = join(pool.folder, 'volumes/data/volume.json')
    const record = JSON.parse(readFileSync(path, 'utf8')) as VolumeRecord
    const [first] = record.snapshots
    const more = Array.from({ length: mostSnapshots - 2 }, (_, index) => ({
      ...first,
      name: `more-${index}`,
    }))
    writeFileSync(path, JSON.stringify({ ...record, snapshots: [...record.snapshots, ...more] }))
    const again = await pools.reopen(pool)
    await again.createSnapshot('data', { name: 'last' })
    await expect(again.createSnapshot('data', { name: 'over' })).rejects.toEqual(failure('pool-full'))
  })

  it('tells what only a snapshot has on the disk', async () => {
    const pool = await withSnapshots(pools, ['one'])
    await writeVolume(pools, { pool }, 0, letters('z', MiB))
    await pool.createSnapshot('data', { name: 'two' })
    const [one] = await pool.listSnapshots('data')
    expect(one?.ownBytes).toBeGreaterThanOrEqual(MiB)
    expect(one?.ownBytes).toBeLessThanOrEqual(2 * MiB)
  })
}

const treeContract = (pools: TestPools): void => {
  it('is a tree: what is taken after a revert branches off', async () => {
    const pool = await withSnapshots(pools, ['aa', 'bb', 'cc'])
    expect(await treeOf(pool)).toEqual(['aa<>bb', 'bb<aa>cc', 'cc<bb>*'])
    await pool.revertVolume('data', 'aa')
    expect(await treeOf(pool)).toEqual(['aa<>bb*', 'bb<aa>cc', 'cc<bb>'])
    await pool.createSnapshot('data', { name: 'dd' })
    expect(await treeOf(pool)).toEqual(['aa<>bb,dd', 'bb<aa>cc', 'cc<bb>', 'dd<aa>*'])
  })

  it.each([
    ['the root', 'aa', ['bb<>cc', 'cc<bb>', 'dd<>*']],
    ['one between', 'bb', ['aa<>cc,dd', 'cc<aa>', 'dd<aa>*']],
    ['a leaf', 'cc', ['aa<>bb,dd', 'bb<aa>', 'dd<aa>*']],
    ["the head's parent", 'dd', ['aa<>bb*', 'bb<aa>cc', 'cc<bb>']],
  ])('deletes %s: its children and the head get its parent, and all else stays', async (_, name, tree) => {
    const pool = await withSnapshots(pools, ['aa', 'bb', 'cc'])
    await pool.revertVolume('data', 'aa')
    await writeVolume(pools, { pool }, 6 * MiB, letters('d', MiB))
    await pool.createSnapshot('data', { name: 'dd' })
    await writeVolume(pools, { pool }, 7 * MiB, letters('h', MiB))
    const others = ['aa', 'bb', 'cc', 'dd'].filter((other) => other !== name)
    const contents = async () => {
      const snapshots = await Promise.all(others.map((other) => readSnapshot(pool, other)))
      return [...snapshots, await readHead(pool)].map(digest)
    }
    const before = await contents()
    await pool.deleteSnapshot('data', name)
    expect(await treeOf(pool)).toEqual(tree)
    expect(await contents()).toEqual(before)
    const again = await pools.reopen(pool)
    expect(await treeOf(again)).toEqual(tree)
  })

  it('gives another of the same name another id and identity', async () => {
    const pool = await withSnapshots(pools, ['one'])
    const [first] = await pool.listSnapshots('data')
    await pool.deleteSnapshot('data', 'one')
    const second = await pool.createSnapshot('data', { name: 'one' })
    expect(second.id).not.toBe(first?.id)
    expect(second.identity).not.toBe(first?.identity)
  })

  it('keeps what is being read, until all its readers are closed', async () => {
    const pool = await withSnapshots(pools, ['one'])
    const [first, second] = [await pool.openSnapshot('data', 'one'), await pool.openSnapshot('data', 'one')]
    first.close()
    first.close()
    await expect(pool.deleteSnapshot('data', 'one')).rejects.toEqual(failure('snapshot-in-use'))
    await expect(pool.deleteVolume('data')).rejects.toEqual(failure('snapshot-in-use'))
    second.close()
    await pool.deleteSnapshot('data', 'one')
    expect(await treeOf(pool)).toEqual([])
  })
}

const revertContract = (pools: TestPools): void => {
  it('goes back, detached or attached without a frontend', async () => {
    const pool = await withSnapshots(pools, ['one', 'two'])
    await pool.revertVolume('data', 'one')
    expectSame(await readHead(pool), await readSnapshot(pool, 'one'))
    await pool.attachVolume('data', 'none')
    await pool.revertVolume('data', 'two')
    expect(await pool.showVolume('data')).toMatchObject({ state: 'attached', frontend: 'none', snapshots: 2 })
    await pool.detachVolume('data')
    expectSame(await readHead(pool), await readSnapshot(pool, 'two'))
  })

  it('writes to what it went back to, and not to the snapshot', async () => {
    const pool = await withSnapshots(pools, ['one'])
    const taken = await readSnapshot(pool, 'one')
    await pool.revertVolume('data', 'one')
    await writeVolume(pools, { pool }, 0, letters('z', sizeBytes))
    expectSame(await readSnapshot(pool, 'one'), taken)
    expectSame(await readHead(pool), letters('z', sizeBytes))
  })

  it('refuses to go back while anything can write', async () => {
    const pool = await withSnapshots(pools, ['one'])
    await writeVolume(pools, { pool }, 0, letters('z', MiB))
    for (const frontend of pools.hasDevices ? (['block', 'file'] as const) : (['file'] as const)) {
      await pool.attachVolume('data', frontend)
      await expect(pool.revertVolume('data', 'one')).rejects.toEqual(failure('volume-attached'))
      await pool.detachVolume('data')
    }
    expectSame((await readHead(pool)).subarray(0, MiB), letters('z', MiB))
  })

  it('keeps the size that the volume was expanded to', async () => {
    const pool = await withSnapshots(pools, ['one'])
    await pool.expandVolume('data', 16 * MiB)
    await writeVolume(pools, { pool }, 15 * MiB, letters('z', MiB))
    await pool.createSnapshot('data', { name: 'two' })
    await pool.revertVolume('data', 'one')
    expect(await pool.showVolume('data')).toMatchObject({ sizeBytes: 16 * MiB })
    const expected = Buffer.concat([letters('one', MiB), Buffer.alloc(15 * MiB)])
    expectSame(await readHead(pool), expected)
    expect(await pool.listSnapshots('data')).toMatchObject([{ sizeBytes }, { sizeBytes: 16 * MiB }])
  })
}

export const snapshotsContract = (pools: TestPools): void => {
  describe('snapshots', () => {
    takingContract(pools)
    treeContract(pools)
    revertContract(pools)
  })
}

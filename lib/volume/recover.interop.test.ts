import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import { makePoolFileSystem, noPools, run, type PoolFileSystem } from '#test/pool-file-system.ts'
import { linuxHost } from './linux-host.ts'
import { poolKinds } from './pool-driver.ts'
import {
  digest,
  expectSame,
  failure,
  letters,
  loopsUnder,
  readHead,
  readSnapshot,
  testPools,
  writeVolume,
  type TestPools,
} from './pool-fixture.contract.ts'
import type { Pool } from './pool.ts'
import { stoppingHost } from './stopping-host.contract.ts'

const reason = noPools()
if (reason !== undefined) console.log(`recovery: skipped, ${reason}`)

const sizeBytes = 10 * MiB

/** A pool with volume `data`: snapshots `aa`, `bb`, and a head that differs from both. */
const story = async (pools: TestPools): Promise<Pool> => {
  const pool = await pools.open()
  await pool.createVolume({ name: 'data', sizeBytes })
  for (const [index, name] of ['aa', 'bb'].entries()) {
    await writeVolume(pools, { pool }, index * MiB, letters(name, MiB))
    await pool.createSnapshot('data', { name })
  }
  await writeVolume(pools, { pool }, 2 * MiB, letters('h', MiB))
  return pool
}

const layersOf = (pool: Pool, volume: string): string[] =>
  readdirSync(join(pool.folder, 'volumes', volume)).filter((name) => !name.startsWith('volume.json'))

/** Each volume and snapshot by name, with its content. */
const contents = async (pool: Pool): Promise<Record<string, string>> => {
  const found: Record<string, string> = {}
  for (const { name, state } of await pool.listVolumes()) {
    for (const snapshot of await pool.listSnapshots(name))
      found[`${name}@${snapshot.name}`] = digest(await readSnapshot(pool, snapshot.name, name))
    if (state === 'detached') found[name] = digest(await readHead(pool, name))
  }
  return found
}

/** Nothing lies there that no record names, and no device without a volume. */
const expectTidy = async (pool: Pool): Promise<void> => {
  expect((await pool.status()).oddities).toEqual([])
  const volumes = await pool.listVolumes()
  expect(readdirSync(join(pool.folder, 'volumes')).toSorted()).toEqual(
    volumes.map(({ name }) => name).toSorted(),
  )
  for (const { name, snapshots } of volumes) expect(layersOf(pool, name)).toHaveLength(snapshots + 1)
  const attached = volumes.filter(({ frontend }) => frontend === 'block')
  expect(loopsUnder(pool.folder).toSorted()).toEqual(attached.map(({ path = '' }) => path).toSorted())
}

/** More than any operation makes. */
const mostCalls = 60

interface Sweep {
  pools: TestPools
  pool: Pool
  /** What is stopped; done again it must succeed, whether it had been finished or taken back. */
  work: (pool: Pool) => Promise<unknown>
  /** Judges what recovery made of it. */
  check: (pool: Pool, ended: boolean) => Promise<void>
  /** After `check`: does it again, if that is still to be done, then undoes it for the next stop. */
  reset: (pool: Pool) => Promise<void>
}

/** Recovery dies too, after one of its first calls; the next has what both left. */
const stoppedRecovery = async (pools: TestPools, pool: Pool, at: number): Promise<void> => {
  const recovering = stoppingHost(linuxHost(), at, 'after')
  recovering.begin()
  await pools.reopen(pool, { host: () => recovering.host }).catch(() => undefined)
}

/** Stops the work before and after each call of the host, in turn. How many calls it makes. */
const sweep = async ({ pools, pool, work, check, reset }: Sweep): Promise<number> => {
  for (let at = 0; at < mostCalls; at++)
    for (const when of ['before', 'after'] as const) {
      // Its programs do not get the lock: none of them outlives a call.
      const stopping = stoppingHost(linuxHost(), at, when)
      const stopped = await pools.reopen(pool, { freezeDeadlineMs: 60_000, host: () => stopping.host })
      stopping.begin()
      const ended = await work(stopped).then(
        () => true,
        () => false,
      )
      stopping.stopWatchdogs()
      await stoppedRecovery(pools, pool, at % 4)
      const again = await pools.reopen(stopped)
      await expectTidy(again)
      await check(again, ended)
      await reset(again)
      await expectTidy(again)
      if (stopping.calls.length <= at) return stopping.calls.length
    }
  throw new Error(`it makes more than ${mostCalls} calls`)
}

const hasVolume = async (pool: Pool, name: string): Promise<boolean> =>
  (await pool.listVolumes()).some((volume) => volume.name === name)

const hasSnapshot = async (pool: Pool, name: string): Promise<boolean> =>
  (await pool.listSnapshots('data')).some((snapshot) => snapshot.name === name)

const volumeSweeps = (pools: TestPools): void => {
  it('creates a volume, or leaves nothing of it', async () => {
    const pool = await story(pools)
    const before = await contents(pool)
    const create = (open: Pool) => open.createVolume({ name: 'new', sizeBytes })
    const calls = await sweep({
      pools,
      pool,
      work: create,
      check: async (open, ended) => {
        const isThere = await hasVolume(open, 'new')
        if (ended) expect(isThere).toBe(true)
        const zeros = isThere ? { new: digest(Buffer.alloc(sizeBytes)) } : {}
        expect(await contents(open)).toEqual({ ...before, ...zeros })
      },
      reset: async (open) => {
        if (!(await hasVolume(open, 'new'))) await create(open)
        await open.deleteVolume('new')
      },
    })
    expect(calls).toBeGreaterThan(4)
  })

  it('restores a volume, or leaves nothing of it', async () => {
    const pool = await story(pools)
    const before = await contents(pool)
    const restore = async (open: Pool) => {
      const restoring = await open.restoreVolume({ name: 'new', sizeBytes })
      writeFileSync(restoring.path, letters('r', sizeBytes), { flag: 'r+' })
      await restoring.finish()
    }
    const calls = await sweep({
      pools,
      pool,
      work: restore,
      check: async (open, ended) => {
        const isThere = await hasVolume(open, 'new')
        if (ended) expect(isThere).toBe(true)
        const restored = isThere ? { new: digest(letters('r', sizeBytes)) } : {}
        expect(await contents(open)).toEqual({ ...before, ...restored })
      },
      reset: async (open) => {
        if (!(await hasVolume(open, 'new'))) await restore(open)
        await open.deleteVolume('new')
      },
    })
    expect(calls).toBeGreaterThan(5)
  })

  it('deletes a volume with its snapshots, or leaves it whole', async () => {
    const pool = await story(pools)
    const make = async (open: Pool) => {
      await open.createVolume({ name: 'old', sizeBytes })
      await writeVolume(pools, { pool: open, volume: 'old' }, 0, letters('o', MiB))
      await open.createSnapshot('old', { name: 'aa' })
    }
    await make(pool)
    const before = await contents(pool)
    const without = Object.fromEntries(Object.entries(before).filter(([name]) => !name.startsWith('old')))
    const calls = await sweep({
      pools,
      pool,
      work: (open) => open.deleteVolume('old'),
      check: async (open, ended) => {
        const isThere = await hasVolume(open, 'old')
        if (ended) expect(isThere).toBe(false)
        expect(await contents(open)).toEqual(isThere ? before : without)
      },
      reset: async (open) => {
        if (await hasVolume(open, 'old')) await open.deleteVolume('old')
        await make(open)
      },
    })
    expect(calls).toBeGreaterThan(3)
  })

  it('expands an attached volume, or leaves it at its size', async () => {
    const pool = await story(pools)
    const { path: device = '' } = await pool.attachVolume('data', 'block')
    const before = await contents(pool)
    let size = sizeBytes
    const calls = await sweep({
      pools,
      pool,
      work: (open) => open.expandVolume('data', size + 2 * MiB),
      check: async (open, ended) => {
        const { sizeBytes: found, path } = await open.showVolume('data')
        expect(path).toBe(device)
        expect(ended ? [size + 2 * MiB] : [size, size + 2 * MiB]).toContain(found)
        expect(Number(run('blockdev', '--getsize64', device))).toBe(found)
        expect(await contents(open)).toEqual(before)
      },
      reset: async (open) => {
        size += 2 * MiB
        expect(await open.expandVolume('data', size)).toMatchObject({ sizeBytes: size })
      },
    })
    expect(calls).toBeGreaterThan(3)
    await (await pools.reopen(pool)).detachVolume('data')
  })
}

const isFrozen = (mountpoint: string): boolean => {
  try {
    run('fsfreeze', '--unfreeze', mountpoint)
    return true
  } catch {
    return false
  }
}

const snapshotSweeps = (pools: TestPools): void => {
  it('takes a snapshot of a mounted volume, or none, and leaves nothing frozen', async () => {
    const pool = await story(pools)
    const { path: device = '' } = await pool.attachVolume('data', 'block')
    const mountpoint = pools.mount(device)
    writeFileSync(join(mountpoint, 'file'), 'written before')
    const before = await contents(pool)
    const take = (open: Pool) => open.createSnapshot('data', { name: 'new' })
    const calls = await sweep({
      pools,
      pool,
      work: take,
      check: async (open, ended) => {
        expect(isFrozen(mountpoint)).toBe(false)
        const isThere = await hasSnapshot(open, 'new')
        if (ended) expect(isThere).toBe(true)
        if (isThere) expect((await readSnapshot(open, 'new')).includes('written before')).toBe(true)
        const { 'data@new': _, ...others } = await contents(open)
        expect(others).toEqual(before)
      },
      reset: async (open) => {
        if (!(await hasSnapshot(open, 'new')))
          expect(await take(open)).toMatchObject({ consistency: 'filesystem' })
        await open.deleteSnapshot('data', 'new')
      },
    })
    expect(calls).toBeGreaterThan(9)
    expect(readFileSync(join(mountpoint, 'file'), 'utf8')).toBe('written before')
    pools.unmount(mountpoint)
  })

  it('deletes a snapshot, or leaves it whole', async () => {
    const pool = await story(pools)
    await pool.createSnapshot('data', { name: 'old' })
    const before = await contents(pool)
    const { 'data@old': _, ...without } = before
    const calls = await sweep({
      pools,
      pool,
      work: (open) => open.deleteSnapshot('data', 'old'),
      check: async (open, ended) => {
        const isThere = await hasSnapshot(open, 'old')
        if (ended) expect(isThere).toBe(false)
        expect(await contents(open)).toEqual(isThere ? before : without)
      },
      reset: async (open) => {
        if (await hasSnapshot(open, 'old')) await open.deleteSnapshot('data', 'old')
        await open.createSnapshot('data', { name: 'old' })
      },
    })
    expect(calls).toBeGreaterThan(2)
  })

  it('goes back to a snapshot, or leaves the head as it was', async () => {
    const pool = await story(pools)
    await pool.createSnapshot('data', { name: 'head' })
    const before = await contents(pool)
    const reverted = { ...before, data: before['data@aa'] }
    const calls = await sweep({
      pools,
      pool,
      work: (open) => open.revertVolume('data', 'aa'),
      check: async (open, ended) => {
        const found = await contents(open)
        expect(ended ? [reverted] : [before, reverted]).toContainEqual(found)
        const parent = (await open.listSnapshots('data')).find(({ isHeadParent }) => isHeadParent)?.name
        expect(parent).toBe(found['data'] === before['data@aa'] ? 'aa' : 'head')
      },
      reset: async (open) => {
        await open.revertVolume('data', 'aa')
        await open.revertVolume('data', 'head')
      },
    })
    expect(calls).toBeGreaterThan(5)
  })
}

const oddityTests = (pools: TestPools): void => {
  it('leaves alone, and names, what no record tells', async () => {
    const pool = await story(pools)
    await pool.createVolume({ name: 'bad', sizeBytes })
    const before = await contents(pool)
    const volumes = join(pool.folder, 'volumes')
    writeFileSync(join(volumes, 'bad/volume.json'), '{"format": 1,')
    mkdirSync(join(volumes, 'foreign/layer'), { recursive: true })
    writeFileSync(join(volumes, 'foreign/layer/volume.img'), 'mine')
    mkdirSync(join(volumes, 'data/snap-unknown'))
    writeFileSync(join(volumes, 'data/snap-unknown/volume.img'), 'mine too')
    mkdirSync(join(volumes, 'copied'))
    writeFileSync(join(volumes, 'copied/volume.json'), readFileSync(join(volumes, 'data/volume.json')))
    mkdirSync(join(volumes, 'empty'))
    const again = await pools.reopen(pool)
    const { oddities } = await again.status()
    expect(oddities.map(({ path }) => path).toSorted()).toEqual(
      ['bad', 'copied', 'data/snap-unknown', 'foreign'].map((name) => join(volumes, name)),
    )
    for (const { reason: why } of oddities) expect(why).not.toBe('')
    const { bad: _, ...others } = before
    expect(await contents(again)).toEqual(others)
    expect(readFileSync(join(volumes, 'foreign/layer/volume.img'), 'utf8')).toBe('mine')
    expect(readFileSync(join(volumes, 'data/snap-unknown/volume.img'), 'utf8')).toBe('mine too')
    expect(readdirSync(volumes).toSorted()).toEqual(['bad', 'copied', 'data', 'foreign'])
    expect(layersOf(again, 'bad')).toHaveLength(1)
    for (const name of ['bad', 'copied', 'foreign'])
      await expect(again.createVolume({ name, sizeBytes })).rejects.toEqual(failure('volume-exists'))
  })

  it('has a volume back when its record is put back', async () => {
    const pool = await story(pools)
    const path = join(pool.folder, 'volumes/data/volume.json')
    const record = readFileSync(path)
    const head = await readHead(pool)
    writeFileSync(path, 'rubbish')
    const damaged = await pools.reopen(pool)
    expect(await damaged.listVolumes()).toEqual([])
    writeFileSync(path, record)
    const again = await pools.reopen(damaged)
    expectSame(await readHead(again), head)
    expect(await again.listSnapshots('data')).toHaveLength(2)
  })
}

describe.skipIf(reason !== undefined)('recovery', () => {
  describe.each(poolKinds)('of a %s pool, stopped before and after each of its steps', (kind) => {
    let fileSystem: PoolFileSystem
    beforeAll(() => {
      fileSystem = makePoolFileSystem(kind)
    })
    afterAll(() => fileSystem.close())
    const pools = testPools({ kind, folder: () => fileSystem.folder, hasDevices: true })
    volumeSweeps(pools)
    snapshotSweeps(pools)
    oddityTests(pools)
  })
})

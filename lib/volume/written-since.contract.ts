/**
 * @module written-since.contract: whether anything was written since a snapshot, in every pool alike.
 */
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import type { Host } from './host.ts'
import { linuxHost } from './linux-host.ts'
import { letters, writeVolume, type TestPools } from './pool-fixture.contract.ts'
import type { Pool } from './pool.ts'

const withSnapshot = async (pools: TestPools): Promise<Pool> => {
  const pool = await pools.open()
  await pool.createVolume({ name: 'data', sizeBytes: 10 * MiB })
  await writeVolume(pools, { pool }, 0, letters('a', MiB))
  await pool.createSnapshot('data', { name: 'one' })
  return pool
}

const detachedContract = (pools: TestPools): void => {
  it('finds nothing written to a volume that nobody attached', async () => {
    const pool = await withSnapshot(pools)
    expect(await pool.hasWritesSince('data', 'one')).toBe(false)
    expect(await (await pools.reopen(pool)).hasWritesSince('data', 'one')).toBe(false)
  })

  it('finds what was written, and nothing after it was attached in vain', async () => {
    const pool = await withSnapshot(pools)
    await pool.attachVolume('data', pools.hasDevices ? 'block' : 'file')
    await pool.detachVolume('data')
    for (let count = 0; count < 3; count++) expect(await pool.hasWritesSince('data', 'one')).toBe(false)
    await writeVolume(pools, { pool }, 5 * MiB, letters('b', 1))
    expect(await pool.hasWritesSince('data', 'one')).toBe(true)
    expect(await pool.hasWritesSince('data', 'one')).toBe(true)
  })

  it('finds what somebody wrote to the file of a detached volume', async () => {
    const pool = await withSnapshot(pools)
    const { path = '' } = await pool.attachVolume('data', 'file')
    await pool.detachVolume('data')
    expect(await pool.hasWritesSince('data', 'one')).toBe(false)
    const file = openSync(path, 'r+')
    writeSync(file, 'past us', 5 * MiB)
    closeSync(file)
    expect(await pool.hasWritesSince('data', 'one')).toBe(true)
  })

  it('finds nothing after a revert to the snapshot', async () => {
    const pool = await withSnapshot(pools)
    await writeVolume(pools, { pool }, 0, letters('b', MiB))
    await pool.revertVolume('data', 'one')
    expect(await pool.hasWritesSince('data', 'one')).toBe(false)
    await writeVolume(pools, { pool }, 0, letters('b', MiB))
    expect(await pool.hasWritesSince('data', 'one')).toBe(true)
  })

  it('finds that the volume was expanded, and that the head comes from another snapshot', async () => {
    const pool = await withSnapshot(pools)
    await pool.createSnapshot('data', { name: 'two' })
    expect(await pool.hasWritesSince('data', 'one')).toBe(true)
    expect(await pool.hasWritesSince('data', 'two')).toBe(false)
    await pool.expandVolume('data', 12 * MiB)
    expect(await pool.hasWritesSince('data', 'two')).toBe(true)
  })

  it('has nothing written by an attachment without a frontend', async () => {
    const pool = await withSnapshot(pools)
    await pool.attachVolume('data', 'none')
    expect(await pool.hasWritesSince('data', 'one')).toBe(false)
  })
}

const watched =
  (calls: string[]) =>
  (lockFd: number): Host => {
    const host = linuxHost(lockFd)
    return {
      ...host,
      run: (program, args) => {
        calls.push(program)
        return host.run(program, args)
      },
      startWatchdog: (program, args) => {
        calls.push('watchdog')
        return host.startWatchdog(program, args)
      },
    }
  }

const writtenSectors = (device: string): string => {
  const fields = readFileSync(`/sys/block/${basename(device)}/stat`, 'utf8')
    .trim()
    .split(/\s+/)
  return `${fields[6]} ${fields[13]}`
}

const mountedContract = (pools: TestPools): void => {
  const mounted = async (calls: string[]) => {
    const pool = await pools.open({ host: watched(calls) })
    await pool.createVolume({ name: 'data', sizeBytes: 16 * MiB })
    const { path: device = '' } = await pool.attachVolume('data', 'block')
    const mountpoint = pools.mount(device)
    writeFileSync(join(mountpoint, 'file'), 'first')
    return { pool, device, mountpoint }
  }

  it('finds nothing written to an idle mounted file system, sixty times over, and writes nothing itself', async () => {
    const calls: string[] = []
    const { pool, device } = await mounted(calls)
    expect(await pool.createSnapshot('data', { name: 'one' })).toMatchObject({ consistency: 'filesystem' })
    const folder = join(pool.folder, 'volumes/data')
    const state = () => [
      writtenSectors(device),
      readdirSync(folder),
      readFileSync(join(folder, 'volume.json'), 'utf8'),
    ]
    const before = state()
    calls.length = 0
    for (let count = 0; count < 60; count++) expect(await pool.hasWritesSince('data', 'one')).toBe(false)
    expect(state()).toEqual(before)
    expect(calls).toEqual([])
  })

  it('finds what was written to a mounted file system, still in memory, and freezes nothing', async () => {
    const calls: string[] = []
    const { pool, mountpoint } = await mounted(calls)
    await pool.createSnapshot('data', { name: 'one' })
    calls.length = 0
    writeFileSync(join(mountpoint, 'file'), 'second')
    expect(await pool.hasWritesSince('data', 'one')).toBe(true)
    expect(calls.filter((program) => program === 'fsfreeze' || program === 'watchdog')).toEqual([])
    const layers = readdirSync(join(pool.folder, 'volumes/data')).filter((name) => name !== 'volume.json')
    expect(layers).toHaveLength(2)
    await pool.createSnapshot('data', { name: 'two' })
    expect(await pool.hasWritesSince('data', 'two')).toBe(false)
  })

  it('finds what was written to a device without a file system', async () => {
    const pool = await withSnapshot(pools)
    const { path = '' } = await pool.attachVolume('data', 'block')
    writeFileSync(path, letters('b', 4096), { flag: 'r+' })
    expect(await pool.hasWritesSince('data', 'one')).toBe(true)
  })

  it('finds an unmounted and detached file system changed, since unmounting writes', async () => {
    const { pool, mountpoint } = await mounted([])
    await pool.createSnapshot('data', { name: 'one' })
    writeFileSync(join(mountpoint, 'file'), 'second')
    pools.unmount(mountpoint)
    await pool.detachVolume('data')
    expect(await pool.hasWritesSince('data', 'one')).toBe(true)
    await pool.createSnapshot('data', { name: 'two' })
    await pool.attachVolume('data', 'block')
    // A copy cannot look into a volume that is attached.
    expect(await pool.hasWritesSince('data', 'two')).toBe(pools.kind !== 'btrfs')
    await pool.detachVolume('data')
    expect(await pool.hasWritesSince('data', 'two')).toBe(false)
  })
}

export const writtenSinceContract = (pools: TestPools): void => {
  describe('writes since a snapshot', () => {
    detachedContract(pools)
    if (pools.hasDevices) mountedContract(pools)
  })
}

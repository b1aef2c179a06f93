/**
 * @module attachment.contract: devices of volumes, in every pool alike. Needs root.
 */
import { closeSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import { run } from '#test/pool-file-system.ts'
import {
  expectSame,
  failure,
  letters,
  loopsUnder,
  readHead,
  type TestPools,
} from './pool-fixture.contract.ts'
import { openPool, type Pool } from './pool.ts'

const kernelSays = (device: string, file: string): string =>
  readFileSync(`/sys/block/${basename(device)}/${file}`, 'utf8').trim()

const sizeOf = (device: string): number => Number(run('blockdev', '--getsize64', device))

export const frontendsContract = (pools: TestPools): void => {
  const frontends = pools.hasDevices ? (['block', 'file', 'none'] as const) : (['file', 'none'] as const)

  describe('frontends', () => {
    it('attaches to one frontend at a time, again and again', async () => {
      const pool = await pools.open()
      await pool.createVolume({ name: 'data', sizeBytes: 10 * MiB })
      for (const frontend of frontends) {
        const first = await pool.attachVolume('data', frontend)
        expect(await pool.attachVolume('data', frontend)).toEqual(first)
        expect(await pool.showVolume('data')).toMatchObject({ state: 'attached', frontend, path: first.path })
        for (const other of frontends.filter((name) => name !== frontend))
          await expect(pool.attachVolume('data', other)).rejects.toEqual(failure('volume-attached'))
        await pool.detachVolume('data')
        await pool.detachVolume('data')
        expect(await pool.showVolume('data')).toMatchObject({ state: 'detached', path: undefined })
      }
    })

    it('is still attached when it is opened again', async () => {
      let pool = await pools.open()
      await pool.createVolume({ name: 'data', sizeBytes: 10 * MiB })
      for (const frontend of frontends) {
        const { path } = await pool.attachVolume('data', frontend)
        pool = await pools.reopen(pool)
        expect(await pool.showVolume('data')).toMatchObject({ frontend, path })
        await pool.detachVolume('data')
      }
    })
  })
}

const attachContract = (
  pools: TestPools,
  attached: (size?: 512 | 4096) => Promise<{ pool: Pool; device: string }>,
): void => {
  it.each([512, 4096] as const)(
    'attaches with direct I/O and sectors of %d bytes',
    async (sectorSizeBytes) => {
      const { pool, device } = await attached(sectorSizeBytes)
      expect(device).toMatch(/^\/dev\/loop\d+$/)
      expect(kernelSays(device, 'loop/dio')).toBe('1')
      expect(kernelSays(device, 'queue/logical_block_size')).toBe(String(sectorSizeBytes))
      expect(kernelSays(device, 'loop/partscan')).toBe('0')
      expect(sizeOf(device)).toBe(12 * MiB)
      expect(await pool.showVolume('data')).toMatchObject({ sectorSizeBytes, path: device })
    },
  )

  it('gives one device to eight who attach at once', async () => {
    const pool = await pools.open()
    await pool.createVolume({ name: 'data', sizeBytes: 10 * MiB })
    await pool.createVolume({ name: 'other', sizeBytes: 10 * MiB })
    const all = await Promise.all(Array.from({ length: 8 }, () => pool.attachVolume('data', 'block')))
    const other = await pool.attachVolume('other', 'block')
    expect(new Set(all.map(({ path }) => path)).size).toBe(1)
    expect(loopsUnder(pool.folder).toSorted()).toEqual([all[0]?.path ?? '', other.path ?? ''].toSorted())
  })

  it('gives each volume a device of its own, though all attach at once', async () => {
    const pool = await pools.open()
    const names = ['one', 'two', 'three', 'four', 'five']
    for (const name of names) await pool.createVolume({ name, sizeBytes: 10 * MiB })
    const all = await Promise.all(names.map((name) => pool.attachVolume(name, 'block')))
    for (const [index, { path = '' }] of all.entries())
      writeFileSync(path, letters(String(index), 4096), { flag: 'r+' })
    for (const [index, name] of names.entries()) {
      await pool.detachVolume(name)
      expectSame((await readHead(pool, name)).subarray(0, 4096), letters(String(index), 4096))
    }
  })

  it('works on no volume that has two devices', async () => {
    const { pool, device } = await attached()
    const image = kernelSays(device, 'loop/backing_file')
    const second = run('losetup', '--find', '--show', image).trim()
    for (const work of [
      () => pool.attachVolume('data', 'block'),
      () => pool.detachVolume('data'),
      () => pool.createSnapshot('data', { name: 'one' }),
      () => pool.deleteVolume('data'),
    ])
      await expect(work()).rejects.toEqual(failure('several-devices'))
    run('losetup', '--detach', second)
    expect(await pool.attachVolume('data', 'block')).toMatchObject({ path: device })
  })

  it('finds the device when the pool was moved', async () => {
    const { pool, device } = await attached()
    await pool.close()
    const moved = `${pool.folder}-moved`
    renameSync(pool.folder, moved)
    const again = await openPool({ folder: moved })
    try {
      expect(await again.attachVolume('data', 'block')).toMatchObject({ path: device })
      expect(loopsUnder(moved)).toEqual([device])
      await again.detachVolume('data')
      expect(loopsUnder(moved)).toEqual([])
    } finally {
      await again.close()
    }
  })
}

const detachContract = (pools: TestPools, attached: () => Promise<{ pool: Pool; device: string }>): void => {
  const expectInUse = async (pool: Pool, device: string) => {
    await expect(pool.detachVolume('data')).rejects.toEqual(failure('volume-in-use'))
    expect(kernelSays(device, 'loop/autoclear')).toBe('0')
    expect(await pool.attachVolume('data', 'block')).toMatchObject({ path: device })
  }

  it('detaches no device that is mounted', async () => {
    const { pool, device } = await attached()
    const mountpoint = pools.mount(device)
    await expectInUse(pool, device)
    pools.unmount(mountpoint)
    await pool.detachVolume('data')
    expect(loopsUnder(pool.folder)).toEqual([])
  })

  it('detaches no device whose node is bound elsewhere, for a workload', async () => {
    const { pool, device } = await attached()
    const folder = mkdtempSync(join(tmpdir(), 'drover published-'))
    const node = join(folder, 'block')
    writeFileSync(node, '')
    run('mount', '--bind', device, node)
    try {
      await expectInUse(pool, device)
    } finally {
      run('umount', node)
      rmSync(folder, { recursive: true })
    }
    await pool.detachVolume('data')
    expect(loopsUnder(pool.folder)).toEqual([])
  })

  it('says so when a device stays until it is closed', async () => {
    const { pool, device } = await attached()
    const fd = openSync(device, 'r')
    await expect(pool.detachVolume('data')).rejects.toEqual(failure('volume-in-use'))
    closeSync(fd)
    await expect.poll(() => loopsUnder(pool.folder)).toEqual([])
    await pool.detachVolume('data')
    expect(await pool.showVolume('data')).toMatchObject({ state: 'detached' })
  })

  it('detaches, when it is opened again, what is left of a volume that somebody removed', async () => {
    const { pool, device } = await attached()
    const image = kernelSays(device, 'loop/backing_file')
    rmSync(image)
    rmSync(join(pool.folder, 'volumes/data'), { recursive: true })
    const again = await pools.reopen(pool)
    await expect.poll(() => loopsUnder(pool.folder)).toEqual([])
    expect(await again.listVolumes()).toEqual([])
  })

  it('shows an attached device its new size', async () => {
    const { pool, device } = await attached()
    const mountpoint = pools.mount(device)
    expect(await pool.expandVolume('data', 20 * MiB)).toMatchObject({ sizeBytes: 20 * MiB, path: device })
    expect(sizeOf(device)).toBe(20 * MiB)
    pools.unmount(mountpoint)
    run('e2fsck', '-fp', device)
    run('resize2fs', device)
    pools.mount(device, { isMade: true })
  })
}

export const devicesContract = (pools: TestPools): void => {
  const attached = async (sectorSizeBytes: 512 | 4096 = 512) => {
    const pool = await pools.open()
    await pool.createVolume({ name: 'data', sizeBytes: 12 * MiB, sectorSizeBytes })
    const { path: device = '' } = await pool.attachVolume('data', 'block')
    return { pool, device }
  }
  describe('devices', () => {
    attachContract(pools, attached)
    detachContract(pools, attached)
  })
}

/**
 * @module pool-fixture.contract: what the contracts of pools share: pools that are cleaned up after each test, writing to a volume,
 * and comparisons of whole files that know nothing of extents.
 */
import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect } from 'vitest'
import type { Clock } from '#lib/base/clock.ts'
import { run } from '#test/pool-file-system.ts'
import { extentUnitBytes, type Extent } from './extents.ts'
import type { PoolKind } from './pool-driver.ts'
import { initPool, openPool, type OpenPool, type Pool } from './pool.ts'
import type { VolumeErrorCode } from './volume-error.ts'

export interface PoolPlace {
  kind: PoolKind
  /** On the file system that pools are to be on. */
  folder: () => string
  /** Without root a volume is its file. */
  hasDevices: boolean
}

export interface TestPools extends PoolPlace {
  /** A new pool, and open. */
  open(options?: Partial<OpenPool>): Promise<Pool>
  /** As another process would, after this one ended. */
  reopen(pool: Pool, options?: Partial<OpenPool>): Promise<Pool>
  /** Formats a device as ext4 unless told not to, and mounts it. Its mount point. */
  mount(device: string, options?: { isMade?: boolean }): string
  unmount(mountpoint: string): void
}

/** Waits for nothing. */
const hastyClock: Clock = { now: () => new Date(), sleep: async () => {} }

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

/** Devices of files under a folder. */
export const loopsUnder = (folder: string): string[] =>
  lines(run('losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE'))
    .map((line) => line.split(/\s+/))
    .filter(([, file]) => file?.startsWith(`${folder}/`))
    .map(([name]) => name ?? '')

const quietly = (...command: [string, ...string[]]): void => {
  try {
    run(...command)
  } catch {
    // It was not frozen, or not mounted.
  }
}

/** ext4 that writes nothing of its own accord. */
const idleExt4 = ['-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0']

export const testPools = (place: PoolPlace): TestPools => {
  const pools = new Map<string, Pool>()
  const mounted: string[] = []
  const unmount = (mountpoint: string) => {
    run('umount', mountpoint)
    mounted.splice(mounted.indexOf(mountpoint), 1)
    rmSync(mountpoint, { recursive: true })
  }
  afterEach(async () => {
    for (const mountpoint of mounted.toReversed()) {
      quietly('fsfreeze', '--unfreeze', mountpoint)
      unmount(mountpoint)
    }
    for (const [folder, pool] of pools) {
      await pool.close()
      if (place.hasDevices) for (const loop of loopsUnder(folder)) run('losetup', '--detach', loop)
    }
    pools.clear()
  })
  const openAt = async (folder: string, options: Partial<OpenPool>) => {
    const pool = await openPool({ clock: hastyClock, ...options, folder })
    pools.set(folder, pool)
    return pool
  }
  return {
    ...place,
    open: async (options = {}) => {
      const folder = mkdtempSync(join(place.folder(), 'pool-'))
      await initPool({ folder, kind: place.kind, storageMinimalAvailablePercentage: 1 })
      return openAt(folder, options)
    },
    reopen: async (pool, options = {}) => {
      await (pools.get(pool.folder) ?? pool).close()
      return openAt(pool.folder, options)
    },
    mount: (device, { isMade = false } = {}) => {
      if (!isMade) run('mkfs.ext4', ...idleExt4, device)
      const mountpoint = mkdtempSync(join(tmpdir(), 'drover mount-'))
      run('mount', device, mountpoint)
      mounted.push(mountpoint)
      return mountpoint
    },
    unmount,
  }
}

export const writeAt = (path: string, offsetBytes: number, bytes: Uint8Array): void => {
  const fd = openSync(path, 'r+')
  try {
    writeSync(fd, bytes, 0, bytes.length, offsetBytes)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Bytes of one letter. */
export const letters = (letter: string, sizeBytes: number): Buffer => Buffer.alloc(sizeBytes, letter)

/** Attaches, writes, detaches. */
export const writeVolume = async (
  { hasDevices }: PoolPlace,
  { pool, volume = 'data' }: { pool: Pool; volume?: string },
  offsetBytes: number,
  bytes: Uint8Array,
): Promise<void> => {
  const { path } = await pool.attachVolume(volume, hasDevices ? 'block' : 'file')
  writeAt(path ?? '', offsetBytes, bytes)
  await pool.detachVolume(volume)
}

export const readSnapshot = async (pool: Pool, snapshot: string, volume = 'data'): Promise<Buffer> => {
  const reader = await pool.openSnapshot(volume, snapshot)
  try {
    return readFileSync(reader.path)
  } finally {
    reader.close()
  }
}

export const readHead = async (pool: Pool, volume = 'data'): Promise<Buffer> => {
  const { path } = await pool.attachVolume(volume, 'file')
  const bytes = readFileSync(path ?? '')
  await pool.detachVolume(volume)
  return bytes
}

export const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Told by digests: the difference of two large buffers takes seconds to print. */
export const expectSame = (actual: Uint8Array, expected: Uint8Array): void =>
  expect(digest(actual)).toBe(digest(expected))

/** Where two files differ, what one lacks being zeros; in units of 4 KiB. */
export const differingUnits = (before: Buffer, after: Buffer): Set<number> => {
  const found = new Set<number>()
  const zeros = Buffer.alloc(extentUnitBytes)
  for (let at = 0; at < after.length; at += extentUnitBytes) {
    const old = at < before.length ? before.subarray(at, at + extentUnitBytes) : zeros
    if (!after.subarray(at, at + extentUnitBytes).equals(old)) found.add(at / extentUnitBytes)
  }
  return found
}

/** The units that extents have, which are whole, ascending, apart from each other, and within the size. */
export const unitsOf = async (extents: AsyncIterable<Extent>, sizeBytes: number): Promise<Set<number>> => {
  const units = new Set<number>()
  let end = -1
  for await (const { offsetBytes, lengthBytes } of extents) {
    expect(offsetBytes).toBeGreaterThan(end)
    expect(lengthBytes).toBeGreaterThan(0)
    expect([offsetBytes % extentUnitBytes, lengthBytes % extentUnitBytes]).toEqual([0, 0])
    end = offsetBytes + lengthBytes
    expect(end).toBeLessThanOrEqual(sizeBytes)
    for (let at = offsetBytes; at < end; at += extentUnitBytes) units.add(at / extentUnitBytes)
  }
  return units
}

/** What a promise that must fail fails with. */
export const failure = (code: VolumeErrorCode) => expect.objectContaining({ name: 'VolumeError', code })

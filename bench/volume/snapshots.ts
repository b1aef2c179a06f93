/**
 * @module snapshots: how long a snapshot takes, how long writers wait for it, and how long it takes to tell what changed.
 */
import { open } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { KiB } from '#lib/base/sizes.ts'
import type { Pool } from '#lib/volume/pool.ts'
import { startFio } from './fio.ts'

export interface SnapshotRow {
  sizeBytes: number
  extents: number
  /** The first after all that was written, and the one after it. */
  firstMs: number
  secondMs: number
  /** Of a writer of 4 KiB, 200 times a second, while both were made. */
  longestWriteMs: number
}

export interface DiffRow {
  sizeBytes: number
  extents: number
  changedExtents: number
  ms: number
}

const unitBytes = 4 * KiB

/** Single units, far apart, so that each is an extent of its own. */
export const scatter = async (
  path: string,
  sizeBytes: number,
  count: number,
  shiftUnits = 0,
): Promise<void> => {
  const file = await open(path, 'r+')
  try {
    const unit = Buffer.alloc(unitBytes, `${count} ${shiftUnits} `)
    const step = Math.floor(sizeBytes / count / unitBytes) * unitBytes
    for (let index = 0; index < count; index++)
      await file.write(unit, 0, unitBytes, index * step + shiftUnits * unitBytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

const settleMs = 1000

export const measureSnapshot = async (
  pool: Pool,
  { sizeBytes, extents }: { sizeBytes: number; extents: number },
): Promise<SnapshotRow> => {
  const name = 'snapshots'
  await pool.createVolume({ name, sizeBytes })
  const { path = '' } = await pool.attachVolume(name, 'block')
  await scatter(path, sizeBytes, extents)
  const writer = startFio({
    filename: path,
    size: '64m',
    rw: 'randwrite',
    bs: '4k',
    iodepth: 1,
    rate_iops: 200,
    time_based: 1,
    runtime: 600,
  })
  await delay(settleMs)
  const firstMs = await timed(() => pool.createSnapshot(name, {}))
  await delay(settleMs)
  const secondMs = await timed(() => pool.createSnapshot(name, {}))
  await delay(settleMs)
  const { longestMs } = await writer.stop()
  await pool.detachVolume(name)
  await pool.deleteVolume(name)
  return { sizeBytes, extents, firstMs, secondMs, longestWriteMs: longestMs }
}

export const measureDiff = async (
  pool: Pool,
  { sizeBytes, extents, changed }: { sizeBytes: number; extents: number; changed: number },
): Promise<DiffRow> => {
  const name = 'diffs'
  await pool.createVolume({ name, sizeBytes })
  const { path = '' } = await pool.attachVolume(name, 'block')
  await scatter(path, sizeBytes, extents)
  await pool.createSnapshot(name, { name: 'before' })
  await scatter(path, sizeBytes, changed, 2)
  await pool.createSnapshot(name, { name: 'after' })
  await pool.detachVolume(name)
  const reader = await pool.openSnapshot(name, 'after')
  let changedExtents = 0
  const ms = await timed(async () => {
    for await (const _ of reader.changedSince('before')) changedExtents++
  })
  reader.close()
  await pool.deleteVolume(name)
  return { sizeBytes, extents, changedExtents, ms }
}

/**
 * A pool whose file system is shut down while its volume is written to and snapshots come and go (`xfs_io -x -c shutdown`, which
 * leaves what was not synced unwritten): what the pool reported is true after the next start.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { GiB, MiB } from '#lib/base/sizes.ts'
import { initPool, openPool, type Pool } from '#lib/volume/pool.ts'
import { noPools } from '../pool-file-system.ts'
import { cleanups } from './cleanups.ts'
import { makeDyingPool, type DyingPool } from './dying-pool.ts'

const reason = noPools()
if (reason !== undefined) console.log(`power loss is not tested: ${reason}`)

const volume = 'vol'
const sizeBytes = 48 * MiB
const rounds = 8
/** Of snapshots; so that the loss meets creations and deletions alike. */
const most = 3

const sha256 = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

const contentOf = async (pool: Pool, name: string): Promise<string> => {
  const reader = await pool.openSnapshot(volume, name)
  try {
    return await sha256(reader.path)
  } finally {
    reader.close()
  }
}

/** What the pool said, in the words of whoever asked it. */
interface Reported {
  /** By name, the content; `undefined`: the power went before it was read. */
  snapshots: Map<string, string | undefined>
  /** Asked for, and not answered. */
  asked: Set<string>
  deleted: Set<string>
}

const snapshotOnce = async (pool: Pool, reported: Reported, name: string): Promise<void> => {
  reported.asked.add(name)
  await pool.createSnapshot(volume, { name })
  reported.asked.delete(name)
  reported.snapshots.set(name, undefined)
  reported.snapshots.set(name, await contentOf(pool, name))
}

const deleteOnce = async (pool: Pool, reported: Reported, name: string): Promise<void> => {
  reported.snapshots.delete(name)
  reported.asked.add(name)
  await pool.deleteSnapshot(volume, name)
  reported.asked.delete(name)
  reported.deleted.add(name)
}

/** Until the power is gone, which is what it fails with. */
const changeSnapshots = async (pool: Pool, reported: Reported, prefix: string): Promise<unknown> => {
  try {
    for (let count = 1; ; count++) {
      await snapshotOnce(pool, reported, `${prefix}-${count}`)
      for (const oldest of [...reported.snapshots.keys()].slice(0, -most))
        await deleteOnce(pool, reported, oldest)
    }
  } catch (error) {
    return error
  }
}

/** Whatever was asked for and not answered may be there or not, but not half of it. */
const audit = async (pool: Pool, reported: Reported): Promise<void> => {
  const { oddities } = await pool.status()
  expect(oddities).toEqual([])
  const there = (await pool.listSnapshots(volume)).map(({ name }) => name)
  expect(there.filter((name) => reported.deleted.has(name))).toEqual([])
  for (const [name, content] of reported.snapshots) {
    expect(there).toContain(name)
    const found = await contentOf(pool, name)
    if (content !== undefined) expect(`${name} ${found}`).toBe(`${name} ${content}`)
    reported.snapshots.set(name, found)
  }
  const others = there.filter((name) => !reported.snapshots.has(name))
  expect(others.filter((name) => !reported.asked.has(name))).toEqual([])
  for (const name of others) reported.snapshots.set(name, await contentOf(pool, name))
  reported.asked.clear()
}

/** Writes, changes, and the loss of power in their midst. */
const loseInTheMidst = async (
  dying: DyingPool,
  pool: Pool,
  reported: Reported,
  index: number,
): Promise<void> => {
  const { path: device = '' } = await pool.attachVolume(volume, 'block')
  const writer = await dying.startWriting(device)
  const changing = changeSnapshots(pool, reported, `round-${index}`)
  await setTimeout(500 + Math.random() * 1500)
  await dying.losePower()
  await writer.ended
  const failure = await changing
  expect(String(failure)).toMatch(
    /input\/output|EIO|read-only|EROFS|ESHUTDOWN|structure needs cleaning|ended with/i,
  )
}

describe.skipIf(reason !== undefined)('a pool that loses its power', () => {
  const made = cleanups()
  afterAll(() => made.run())

  const open = async ({ folder }: DyingPool): Promise<Pool> => {
    const pool = await openPool({ folder })
    made.add(() => pool.close())
    return pool
  }

  it.each(['xfs', 'btrfs'] as const)('has all that it reported, and nothing half: %s', async (kind) => {
    const dying = makeDyingPool(kind, 1 * GiB, made)
    await initPool({ folder: dying.folder, kind })
    let pool = await open(dying)
    await pool.createVolume({ name: volume, sizeBytes })
    const reported: Reported = { snapshots: new Map(), asked: new Set(), deleted: new Set() }
    const facts = { kept: 0, uncertain: 0 }

    for (let index = 1; index <= rounds; index++) {
      await loseInTheMidst(dying, pool, reported, index)
      await pool.close()
      await dying.restart()
      pool = await open(dying)
      facts.uncertain += reported.asked.size
      await audit(pool, reported)
      facts.kept += reported.snapshots.size
      await snapshotOnce(pool, reported, `after-${index}`)
    }
    console.log(
      `${kind}: ${rounds} losses of power, ${facts.kept} reported snapshots read as before, ` +
        `${reported.deleted.size} deletions held, ${facts.uncertain} under way at the loss`,
    )
  })
})

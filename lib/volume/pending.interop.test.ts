import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import { linuxHost } from './linux-host.ts'
import {
  expectSame,
  letters,
  readHead,
  readSnapshot,
  testPools,
  writeVolume,
} from './pool-fixture.contract.ts'
import type { Pool } from './pool.ts'
import { stoppingHost } from './stopping-host.contract.ts'

const top = mkdtempSync(join(tmpdir(), 'drover-recover-'))
afterAll(() => rmSync(top, { recursive: true }))
const pools = testPools({ kind: 'copy', folder: () => top, hasDevices: false })

const sizeBytes = 10 * MiB
const isThere = async (pool: Pool, name: string): Promise<boolean> =>
  (await pool.listVolumes()).some((volume) => volume.name === name)
const hasSnapshot = async (pool: Pool, name: string): Promise<boolean> =>
  (await pool.listSnapshots('data')).some((snapshot) => snapshot.name === name)

const operations: Record<
  string,
  { work: (pool: Pool) => Promise<unknown>; isDone: (pool: Pool) => Promise<boolean> }
> = {
  'create a volume': {
    work: (pool) => pool.createVolume({ name: 'new', sizeBytes }),
    isDone: (pool) => isThere(pool, 'new'),
  },
  'delete a volume': {
    work: (pool) => pool.deleteVolume('old'),
    // Until it is wholly gone it can be asked for again.
    isDone: async (pool) => !existsSync(join(pool.folder, 'volumes/old')),
  },
  'expand a volume': {
    work: (pool) => pool.expandVolume('data', 12 * MiB),
    isDone: async (pool) => (await pool.showVolume('data')).sizeBytes === 12 * MiB,
  },
  'take a snapshot': {
    work: (pool) => pool.createSnapshot('data', { name: 'new' }),
    isDone: (pool) => hasSnapshot(pool, 'new'),
  },
  'delete a snapshot': {
    work: (pool) => pool.deleteSnapshot('data', 'two'),
    isDone: async (pool) => !(await hasSnapshot(pool, 'two')),
  },
  'go back to a snapshot': { work: (pool) => pool.revertVolume('data', 'one'), isDone: async () => false },
}

/** Volumes `old` and `data`, which has snapshots `one` and `two`. */
const story = async (stopping: ReturnType<typeof stoppingHost>): Promise<Pool> => {
  const pool = await pools.open({ host: () => stopping.host })
  await pool.createVolume({ name: 'old', sizeBytes })
  await pool.createVolume({ name: 'data', sizeBytes })
  await writeVolume(pools, { pool }, 0, letters('a', MiB))
  for (const name of ['one', 'two']) await pool.createSnapshot('data', { name })
  return pool
}

const expectTidy = async (pool: Pool): Promise<void> => {
  const folders = readdirSync(join(pool.folder, 'volumes')).toSorted()
  const volumes = await pool.listVolumes()
  expect(folders).toEqual(volumes.map(({ name }) => name).toSorted())
  const layers = readdirSync(join(pool.folder, 'volumes/data')).filter(
    (name) => !name.startsWith('volume.json'),
  )
  expect(layers).toHaveLength((await pool.showVolume('data')).snapshots + 1)
}

describe('a pool in which one step fails once, and whose process goes on', () => {
  it.each(Object.entries(operations))('can %s after all, and leaves nothing', async (_, { work, isDone }) => {
    for (let at = 0, isReached = true; isReached; at++) {
      const stopping = stoppingHost(linuxHost(), at, 'before', { isOnce: true })
      const pool = await story(stopping)
      stopping.begin()
      await work(pool).catch(() => undefined)
      stopping.end()
      isReached = stopping.calls.length > at
      if (!(await isDone(pool))) await work(pool)
      const expected = Buffer.concat([letters('a', MiB), Buffer.alloc(sizeBytes - MiB)])
      expectSame(await readSnapshot(pool, 'one'), expected)
      // Attaching is a change, before which it is settled what failed.
      expectSame((await readHead(pool)).subarray(0, sizeBytes), expected)
      await expectTidy(pool)
      const again = await pools.reopen(pool)
      expect((await again.status()).oddities).toEqual([])
      await expectTidy(again)
    }
  })
})

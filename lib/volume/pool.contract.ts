/**
 * @module pool.contract: what every kind of pool does alike. Each kind's test runs it.
 */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import { devicesContract, frontendsContract } from './attachment.contract.ts'
import { backupRecordsContract } from './backup-records.contract.ts'
import { changedExtentsContract } from './changed-extents.contract.ts'
import type { Host } from './host.ts'
import { linuxHost } from './linux-host.ts'
import {
  digest,
  failure,
  letters,
  readHead,
  readSnapshot,
  testPools,
  writeVolume,
  type PoolPlace,
  type TestPools,
} from './pool-fixture.contract.ts'
import { initPool, openPool } from './pool.ts'
import { snapshotsContract } from './snapshots.contract.ts'
import { volumesContract } from './volumes.contract.ts'
import { writtenSinceContract } from './written-since.contract.ts'

const lifeContract = (pools: TestPools): void => {
  const newFolder = () => mkdtempSync(join(pools.folder(), 'pool-'))

  it('is made once, in an empty folder', async () => {
    const folder = newFolder()
    expect(await initPool({ folder, kind: pools.kind })).toMatchObject({ kind: pools.kind })
    await expect(initPool({ folder, kind: pools.kind })).rejects.toEqual(failure('pool-exists'))
    const other = newFolder()
    writeFileSync(join(other, 'letter.txt'), 'dear')
    await expect(initPool({ folder: other, kind: pools.kind })).rejects.toEqual(failure('pool-exists'))
  })

  it('opens no folder that is no pool, or whose config is damaged', async () => {
    const folder = newFolder()
    await expect(openPool({ folder })).rejects.toEqual(failure('no-pool'))
    await initPool({ folder, kind: pools.kind })
    writeFileSync(join(folder, 'pool.json'), '{"format":1')
    await expect(openPool({ folder })).rejects.toEqual(failure('record-damaged'))
  })

  it('is open to one at a time', async () => {
    const pool = await pools.open()
    await expect(openPool({ folder: pool.folder })).rejects.toEqual(failure('pool-busy'))
    await pools.reopen(pool)
  })

  it('stays taken while a program that it started still works on it', async () => {
    let host: Host | undefined
    const pool = await pools.open({ host: (lockFd) => (host = linuxHost(lockFd)) })
    const program = host?.run('sleep', ['0.5'])
    await pool.close()
    await expect(openPool({ folder: pool.folder })).rejects.toEqual(failure('pool-busy'))
    await program
    await pools.reopen(pool)
  })

  it('has all that it had when it is opened again', async () => {
    const pool = await pools.open()
    await pool.createVolume({ name: 'data', sizeBytes: 10 * MiB })
    await writeVolume(pools, { pool }, 0, letters('a', MiB))
    await pool.createSnapshot('data', { name: 'one', labels: { job: 'nightly' } })
    await writeVolume(pools, { pool }, MiB, letters('b', MiB))
    const state = async (opened: typeof pool) => ({
      volumes: await opened.listVolumes(),
      snapshots: await opened.listSnapshots('data'),
      contents: [await readSnapshot(opened, 'one'), await readHead(opened)].map(digest),
    })
    const before = await state(pool)
    const again = await pools.reopen(pool)
    expect(await state(again)).toEqual(before)
    expect(await again.status()).toMatchObject({
      kind: pools.kind,
      folder: pool.folder,
      volumes: 1,
      oddities: [],
    })
  })
}

export const poolContract = (name: string, place: PoolPlace): void => {
  describe(`a ${name}`, () => {
    const pools = testPools(place)
    describe('pool', () => {
      lifeContract(pools)
    })
    volumesContract(pools)
    frontendsContract(pools)
    if (pools.hasDevices) devicesContract(pools)
    snapshotsContract(pools)
    changedExtentsContract(pools)
    writtenSinceContract(pools)
    backupRecordsContract(pools)
  })
}

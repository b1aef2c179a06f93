import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import { makePoolFileSystem, noPools, run, type PoolFileSystem } from '#test/pool-file-system.ts'
import type { Host } from './host.ts'
import { linuxHost } from './linux-host.ts'
import { poolKinds } from './pool-driver.ts'
import { failure, readSnapshot, testPools, type TestPools } from './pool-fixture.contract.ts'
import type { OpenPool, Pool } from './pool.ts'

const reason = noPools()
if (reason !== undefined) console.log(`freezing: skipped, ${reason}`)

const sizeBytes = 16 * MiB

/** Does something around the clone of a layer, and nothing else. */
const aroundClone =
  (around: (clone: () => Promise<void>, to: string) => Promise<void>) =>
  (lockFd: number): Host => {
    const host = linuxHost(lockFd)
    const isClone = (program: string, args: readonly string[]) => program === 'cp' || args[1] === 'snapshot'
    return {
      ...host,
      cloneFile: (from, to) => around(() => host.cloneFile(from, to), to),
      run: async (program, args) => {
        if (!isClone(program, args)) return host.run(program, args)
        const to = args.at(-1) ?? ''
        await around(
          async () => {
            await host.run(program, args)
          },
          program === 'cp' ? to : join(to, 'volume.img'),
        )
        return ''
      },
    }
  }

const isFrozen = (mountpoint: string): boolean => {
  try {
    run('fsfreeze', '--unfreeze', mountpoint)
    return true
  } catch {
    return false
  }
}

const mounted = async (pools: TestPools, options: Partial<OpenPool> = {}) => {
  const pool = await pools.open(options)
  await pool.createVolume({ name: 'data', sizeBytes })
  const { path: device = '' } = await pool.attachVolume('data', 'block')
  const mountpoint = pools.mount(device)
  writeFileSync(join(mountpoint, 'file'), 'written before')
  return { pool, mountpoint }
}

const expectNothingLeft = async (pool: Pool): Promise<void> => {
  expect(await pool.listSnapshots('data')).toEqual([])
  const record = JSON.parse(readFileSync(join(pool.folder, 'volumes/data/volume.json'), 'utf8')) as object
  expect(record).toMatchObject({ pending: null, snapshots: [] })
  expect(readdirSync(join(pool.folder, 'volumes/data'))).toHaveLength(2)
}

/** On a pool that copies, what is not frozen throughout is no snapshot; elsewhere it is one as after a power cut. */
const expectCrash = async (pools: TestPools, pool: Pool): Promise<void> => {
  const taken = pool.createSnapshot('data', { name: 'one' })
  if (pools.kind === 'copy') {
    await expect(taken).rejects.toEqual(failure('not-consistent'))
    return expectNothingLeft(pool)
  }
  expect(await taken).toMatchObject({ consistency: 'crash' })
  expect((await readSnapshot(pool, 'one')).includes('written before')).toBe(true)
}

const freezeTests = (pools: TestPools): void => {
  it('takes a frozen file system whole: what was written is in it, and nothing is left frozen', async () => {
    const { pool, mountpoint } = await mounted(pools)
    expect(await pool.createSnapshot('data', { name: 'one' })).toMatchObject({ consistency: 'filesystem' })
    expect(isFrozen(mountpoint)).toBe(false)
    const reader = await pool.openSnapshot('data', 'one')
    run('e2fsck', '-fn', reader.path)
    reader.close()
  })

  it('leaves a file system frozen that another froze', async () => {
    const { pool, mountpoint } = await mounted(pools)
    run('fsfreeze', '--freeze', mountpoint)
    await expectCrash(pools, pool)
    expect(isFrozen(mountpoint)).toBe(true)
  })

  it('says so when the watchdog thawed before the snapshot was made', async () => {
    const slow = aroundClone(async (clone) => {
      await delay(900)
      await clone()
    })
    const { pool, mountpoint } = await mounted(pools, { host: slow, freezeDeadlineMs: 50 })
    await expectCrash(pools, pool)
    expect(isFrozen(mountpoint)).toBe(false)
  })

  it('thaws when the clone fails, and leaves nothing', async () => {
    const failing = aroundClone(() => Promise.reject(new Error('no clone')))
    const { pool, mountpoint } = await mounted(pools, { host: failing })
    await expect(pool.createSnapshot('data', { name: 'one' })).rejects.toThrow('no clone')
    expect(isFrozen(mountpoint)).toBe(false)
    await expectNothingLeft(pool)
  })

  it('accepts no clone that is not whole', async () => {
    const partial = aroundClone(async (clone, to) => {
      await clone()
      if (pools.kind === 'btrfs') run('btrfs', 'property', 'set', join(to, '..'), 'ro', 'false')
      truncateSync(to, MiB)
    })
    const { pool } = await mounted(pools, { host: partial })
    await expect(pool.createSnapshot('data', { name: 'one' })).rejects.toEqual(failure('layer-damaged'))
    await expectNothingLeft(pool)
  })

  it('copies no volume that is attached and cannot be frozen, and calls others as after a power cut', async () => {
    const pool = await pools.open()
    await pool.createVolume({ name: 'data', sizeBytes })
    for (const frontend of ['file', 'block'] as const) {
      const { path = '' } = await pool.attachVolume('data', frontend)
      writeFileSync(path, 'written before', { flag: 'r+' })
      await expectCrash(pools, pool)
      if (pools.kind !== 'copy') await pool.deleteSnapshot('data', 'one')
      await pool.detachVolume('data')
    }
  })
}

/** An agent that freezes, says so, and then hangs until it is killed. */
const agentScript = `
import { linuxHost } from '#lib/volume/linux-host.ts'
import { whileFrozen } from '#lib/volume/freeze.ts'
const [mountpoint = '', deadlineMs] = process.argv.slice(1)
const options = { mountpoint, deadlineMs: Number(deadlineMs) }
await whileFrozen(linuxHost(), options, () => {
  console.log('frozen')
  return new Promise((resolve) => setTimeout(resolve, 60000))
})`

/** Killed while it holds a file system frozen. */
const killedAgent = async (mountpoint: string, deadlineMs: number): Promise<void> => {
  const args = ['--input-type=module-typescript', '--eval', agentScript, '--', mountpoint, String(deadlineMs)]
  const agent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => agent.stdout.once('data', resolve))
  const ended = new Promise((resolve) => agent.once('close', resolve))
  agent.kill('SIGKILL')
  await ended
}

const deathTests = (pools: TestPools): void => {
  it('is thawed by the watchdog in time when the agent dies', async () => {
    const { mountpoint } = await mounted(pools)
    await killedAgent(mountpoint, 1000)
    // Writing waits for the thaw: if there were none, it would be killed in vain, and the mount could not be removed.
    const writing = spawn('sh', ['-c', 'echo later > "$1/file"', 'sh', mountpoint])
    const began = Date.now()
    const code = await new Promise((resolve) => writing.once('close', resolve))
    expect(code).toBe(0)
    expect(Date.now() - began).toBeLessThan(20_000)
    expect(readFileSync(join(mountpoint, 'file'), 'utf8')).toBe('later\n')
  })

  it('is thawed when the pool is opened after a snapshot that was never finished', async () => {
    const { pool, mountpoint } = await mounted(pools)
    const path = join(pool.folder, 'volumes/data/volume.json')
    const record = JSON.parse(readFileSync(path, 'utf8')) as object
    writeFileSync(path, JSON.stringify({ ...record, pending: { kind: 'make-layer', layerId: 'snap-1' } }))
    run('fsfreeze', '--freeze', mountpoint)
    const again = await pools.reopen(pool)
    expect(isFrozen(mountpoint)).toBe(false)
    expect(await again.createSnapshot('data', { name: 'one' })).toMatchObject({ consistency: 'filesystem' })
  })

  it('thaws nothing that others froze when the pool is opened', async () => {
    const { pool, mountpoint } = await mounted(pools)
    run('fsfreeze', '--freeze', mountpoint)
    await pools.reopen(pool)
    expect(isFrozen(mountpoint)).toBe(true)
  })
}

describe.skipIf(reason !== undefined)('freezing', () => {
  describe.each(poolKinds)('a file system in a %s pool', (kind) => {
    let fileSystem: PoolFileSystem
    beforeAll(() => {
      fileSystem = makePoolFileSystem(kind)
    })
    afterAll(() => fileSystem.close())
    const pools = testPools({ kind, folder: () => fileSystem.folder, hasDevices: true })
    freezeTests(pools)
    if (kind === 'xfs') deathTests(pools)
  })
})

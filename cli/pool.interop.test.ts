import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drover } from '#test/drover-process.ts'
import { makePoolFileSystem, noPools, run, type PoolFileSystem } from '#test/pool-file-system.ts'

const reason = noPools()
if (reason) console.log(`drover on a pool is not tested: ${reason}`)

const program = join(import.meta.dirname, 'drover.mjs')
const fsfreeze = reason ? '' : run('sh', '-c', 'command -v fsfreeze').trim()

describe.skipIf(reason)('drover on a Btrfs pool', () => {
  let folder: string
  let pool: PoolFileSystem
  let mountpoint: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'drover-cli-'))
    pool = makePoolFileSystem('btrfs')
    mountpoint = join(folder, 'mnt')
    mkdirSync(mountpoint)
    mkdirSync(join(folder, 'backups'))
  })
  afterAll(() => {
    // A test that failed leaves its mount, and the devices go with the pool.
    run('sh', '-c', `! mountpoint -q '${mountpoint}' || umount '${mountpoint}'`)
    pool.close()
    rmSync(folder, { recursive: true })
  })

  const attempt = (...args: string[]) => drover(folder, args, { DROVER_POOL: pool.folder })
  const text = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await attempt(...args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return stdout
  }
  const json = async (...args: string[]): Promise<any> => JSON.parse(await text(...args, '--json'))
  const attach = async (volume: string): Promise<string> =>
    (await text('pool', 'volume', 'attach', volume, '--quiet')).trim()
  const backUp = (...more: string[]) =>
    json('backup', 'create', '--from-volume', 'web', '--to', './backups/', ...more)

  const expectFiles = (device: string, original: string): void => {
    run('e2fsck', '-fn', device)
    run('mount', '-o', 'ro,noload', device, mountpoint)
    run('diff', '--recursive', '--exclude=lost+found', join(folder, original), mountpoint)
    run('umount', mountpoint)
  }

  it('takes a volume from its making to its restore', async () => {
    expect(await text('pool', 'init', pool.folder)).toContain('btrfs, the folder is on Btrfs')
    await text('pool', 'volume', 'create', 'web', '--size', '256Mi')
    const device = await attach('web')
    expect(await text('pool', 'volume', 'attach', 'web')).toMatch(
      new RegExp(`^device {2}${device}\\nnote {4}it was attached already$`, 'm'),
    )

    run('mkfs.ext4', '-q', device)
    run('mount', device, mountpoint)
    cpSync(join(import.meta.dirname, '..', 'lib'), join(mountpoint, 'lib'), { recursive: true })
    cpSync(mountpoint, join(folder, 'before'), { recursive: true })
    expect(await text('pool', 'snapshot', 'create', 'web', 'before')).toContain(
      'file system: its file system was frozen',
    )
    rmSync(join(mountpoint, 'lib', 'backup'), { recursive: true })
    writeFileSync(join(mountpoint, 'news'), 'n'.repeat(100_000))
    cpSync(mountpoint, join(folder, 'after'), { recursive: true })
    await text('pool', 'snapshot', 'create', 'web', 'after')

    const diff = await json('pool', 'snapshot', 'diff', 'web', 'before', 'after', '--block-size', '2Mi')
    expect(diff.changedBytes).toBeGreaterThanOrEqual(100_000)
    const first = await backUp('--name', 'first', '--snapshot', 'before')
    const second = await backUp('--name', 'second', '--snapshot', 'after')
    expect(first).toMatchObject({ isIncremental: false, consistency: 'filesystem' })
    expect(second).toMatchObject({ isIncremental: true, comparedBy: 'snapshots', readBlocks: diff.blocks })
    expect(second.newBlocks).toBeGreaterThan(0)
    expect(second.newBlocks).toBeLessThanOrEqual(diff.blocks)
    expect(diff.blocks).toBeLessThan(first.blockCount)

    const busy = await attempt('pool', 'volume', 'detach', 'web', '--json')
    expect(busy.code).toBe(5)
    expect(JSON.parse(busy.stderr)).toMatchObject({ error: { code: 'volume-in-use' } })
    run('umount', mountpoint)
    const attached = await attempt('pool', 'snapshot', 'revert', 'web', 'before', '--yes')
    expect(attached.code).toBe(5)

    await text('restore', './backups/?backup=second&volume=web', '--to-volume', 'again')
    expectFiles(await attach('again'), 'after')
    await text('pool', 'volume', 'detach', 'web')
    await text('pool', 'snapshot', 'revert', 'web', 'before', '--yes')
    expectFiles(await attach('web'), 'before')
  })

  it('refuses while another process has the pool', async () => {
    const lock = join(pool.folder, 'pool.lock')
    const holder = spawn('flock', [lock, 'sh', '-c', 'echo held; read _'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    await once(holder.stdout, 'data')
    const refused = await attempt('pool', 'volume', 'list')
    holder.stdin.end()
    await once(holder, 'close')
    expect(refused).toMatchObject({ code: 5, stdout: '' })
    expect(refused.stderr).toContain('another process has the pool')
    expect(await text('pool', 'volume', 'list', '--quiet')).toBe('again\nweb\n')
  })

  it.each(['--freeze', '--unfreeze'])(
    'finishes a snapshot that Ctrl-C meets in fsfreeze %s',
    async (step) => {
      const [bin, reached] = [mkdtempSync(join(folder, 'bin-')), join(folder, `reached${step}`)]
      const script = `#!/bin/sh
[ "$1" = --unfreeze ] || ${fsfreeze} "$@"
if [ "$1" = ${step} ]; then touch '${reached}'; sleep 2; fi
[ "$1" = --freeze ] || ${fsfreeze} "$@"
`
      writeFileSync(join(bin, 'fsfreeze'), script, { mode: 0o755 })
      run('mount', await attach('web'), mountpoint)
      // In a process group of its own: a terminal signals all that it runs, but what changes the machine is out of its reach.
      const taking = spawn(process.execPath, [program, 'pool', 'snapshot', 'create', 'web', `met${step}`], {
        env: { ...process.env, DROVER_POOL: pool.folder, PATH: `${bin}:${process.env['PATH']}` },
        stdio: 'ignore',
        detached: true,
      })
      while (!existsSync(reached)) await sleep(20)
      expect(() => run(fsfreeze, '--freeze', mountpoint)).toThrow('busy')
      if (taking.pid !== undefined) process.kill(-taking.pid, 'SIGINT')
      await once(taking, 'close')
      expect(taking.exitCode).toBe(0)
      run('timeout', '30', 'touch', join(mountpoint, 'thawed'))
      run('umount', mountpoint)
      expect(await json('pool', 'status')).toMatchObject({ volumes: 2, oddities: [] })
      expect(await text('pool', 'snapshot', 'list', 'web', '--quiet')).toContain(`met${step}\n`)
    },
  )

  it('deletes what it made', async () => {
    for (const volume of ['web', 'again']) {
      await text('pool', 'volume', 'detach', volume)
      await text('pool', 'volume', 'delete', volume, '--yes')
      expect(existsSync(join(pool.folder, 'volumes', volume))).toBe(false)
    }
    expect(await text('pool', 'volume', 'list')).toBe(`no volumes in ${pool.folder}\n`)
  })
})

import { constants, globSync } from 'node:fs'
import { mkdir, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drover, startDrover } from '#test/drover-process.ts'

const MiB = 1024 * 1024

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-cli-'))
  await mkdir(join(folder, 'backups'))
  await writeDisk('disk.img', { 0: 'one', 4: 'two' })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A sparse file of 8 MiB with text at some MiB of it. */
const writeDisk = async (name: string, texts: Record<number, string>): Promise<void> => {
  await using file = await open(join(folder, name), constants.O_RDWR | constants.O_CREAT)
  await file.truncate(8 * MiB)
  for (const [at, text] of Object.entries(texts)) await file.write(text, Number(at) * MiB)
}

const bytesOf = (name: string): Promise<Buffer> => readFile(join(folder, name))

const run = (...args: string[]) => drover(folder, args)

/** What a command that must succeed prints with --json. */
const json = async (...args: string[]): Promise<any> => {
  const { code, stdout, stderr } = await run(...args, '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

const create = (name: string, ...more: string[]): string[] => [
  'backup',
  'create',
  '--from',
  'disk.img',
  '--to',
  './backups/',
  '--volume',
  'web',
  '--name',
  name,
  ...more,
]
const url = (backup: string, volume = 'web'): string => `./backups/?backup=${backup}&volume=${volume}`

describe.concurrent('drover', () => {
  it('backs up, lists, verifies, restores and deletes', async () => {
    await writeDisk('changing.img', { 0: 'one', 4: 'two' })
    const first = await json(
      ...create(
        'one',
        '--from',
        'changing.img',
        '--label',
        'team=shop',
        'tier=gold',
        '--compression',
        'gzip',
        '--storage-class',
        'fast',
      ),
    )
    expect(first).toMatchObject({
      url: `file://${folder}/backups/?backup=one&volume=web`,
      isIncremental: false,
      blockCount: 2,
      newBlocks: 2,
      volumeSizeBytes: 8 * MiB,
      blockSizeBytes: 2 * MiB,
      compression: 'gzip',
      labels: { team: 'shop', tier: 'gold', 'longhorn.io/volume-access-mode': 'rwo' },
    })
    await writeDisk('first.img', { 0: 'one', 4: 'two' })
    await writeDisk('changing.img', { 4: 'TWO', 6: 'three' })

    const second = await run(...create('two', '--from', 'changing.img'))
    expect(second.stdout).toMatch(/^compared with {2}one\nblocks {9}3 of 2 MiB, 2 of them new$/m)
    const { volume } = await json('backup', 'list', './backups/', '--volume', 'web')
    expect(volume).toMatchObject({
      sizeBytes: 8 * MiB,
      lastBackupName: 'two',
      storageClassName: 'fast',
      problem: null,
    })
    expect(volume.backups.map((backup: any) => [backup.name, backup.state, backup.isIncremental])).toEqual([
      ['one', 'completed', false],
      ['two', 'completed', true],
    ])
    const [verified, full, changed] = await Promise.all([
      json('backup', 'verify', './backups/?volume=web'),
      json('restore', url('two'), '--to', 'two.img'),
      json('restore', url('one'), '--to', 'one.img'),
    ])
    expect(verified).toMatchObject({ isSound: true, checkedBlocks: 4, bad: [] })
    expect(full).toMatchObject({ isComplete: true, writtenBlocks: 3 })
    expect(changed).toMatchObject({ isComplete: true, writtenBlocks: 2 })
    expect((await bytesOf('two.img')).equals(await bytesOf('changing.img'))).toBe(true)
    expect((await bytesOf('one.img')).equals(await bytesOf('first.img'))).toBe(true)
    expect((await stat(join(folder, 'two.img'))).blocks * 512).toBeLessThan(8 * MiB)

    const moved = await run('restore', url('two'), '--to', 'one.img', '--from-backup', 'one')
    expect(moved.stdout).toMatch(/^written {3}2 blocks of 2 MiB$/m)
    expect((await bytesOf('one.img')).equals(await bytesOf('changing.img'))).toBe(true)

    const deleted = await run('backup', 'delete', url('one'), '--yes')
    expect(deleted.stdout).toMatch(
      /^deleted backup one of volume web\nfreed .*: 1 unused block deleted, 3 kept$/m,
    )
    const inspected = await run('backup', 'inspect', url('two'))
    expect(inspected.stdout).toMatch(/^state {9}ok$/m)
  })

  it('prints only URLs when it is to be quiet', async () => {
    const quiet = await run(...create('quiet', '--volume', 'quiet', '--quiet'))
    expect(quiet).toEqual({
      code: 0,
      stdout: `file://${folder}/backups/?backup=quiet&volume=quiet\n`,
      stderr: '',
    })
    expect((await run('backup', 'list', './backups/?volume=quiet', '--quiet')).stdout).toBe(quiet.stdout)
    expect(await run('backup', 'verify', './backups/?volume=quiet', '--quiet')).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    })
  })

  it('names what is damaged, saves the rest, and sends it again', async () => {
    const inVolume = (...more: string[]) => [...create('damaged', '--volume', 'damaged'), ...more]
    await json(...inVolume())
    const [block = ''] = globSync('backups/backupstore/volumes/*/*/damaged/blocks/*/*/*.blk', { cwd: folder })
    await writeFile(join(folder, block), 'rubbish')

    const verified = await run('backup', 'verify', './backups/?volume=damaged')
    expect(verified.code).toBe(4)
    expect(verified.stdout).toMatch(/^damaged {2}1 bad block$/m)
    expect(verified.stdout).toContain(block.slice(-68, -4))
    const [failed, salvaged] = await Promise.all([
      run('restore', url('damaged', 'damaged'), '--to', 'failed.img', '--json'),
      run('restore', url('damaged', 'damaged'), '--to', 'salvaged.img', '--salvage'),
    ])
    expect(failed.code).toBe(4)
    expect(JSON.parse(failed.stderr)).toMatchObject({ error: { code: 'invalid-block' } })
    await expect(stat(join(folder, 'failed.img'))).rejects.toThrow('ENOENT')
    expect(salvaged.code).toBe(4)
    expect(salvaged.stdout).toContain('what was lost is zeros')
    expect((await stat(join(folder, 'salvaged.img'))).size).toBe(8 * MiB)

    await json(...create('repaired', '--volume', 'damaged'))
    expect(await json('backup', 'verify', './backups/?volume=damaged')).toMatchObject({ isSound: true })
  })

  it('shows what is in progress or unreadable, with the reason, and collects nothing meanwhile', async () => {
    await json(...create('sound', '--volume', 'odd'))
    const [config = ''] = globSync('backups/backupstore/volumes/*/*/odd/backups/backup_sound.cfg', {
      cwd: folder,
    })
    const foreignMark = {
      Name: 'running',
      VolumeName: 'odd',
      CreatedTime: '',
      Size: '0',
      Labels: null,
      CompressionMethod: 'lz4',
    }
    await writeFile(join(folder, config.replace('sound', 'running')), JSON.stringify(foreignMark))
    await writeFile(join(folder, config.replace('sound', 'cut')), '{"Name":"cut","Vol')

    const [listed, inspected, verified, restored, collected] = await Promise.all([
      run('backup', 'list', './backups/', '--volume', 'odd'),
      run('backup', 'inspect', url('cut', 'odd'), '--json'),
      run('backup', 'verify', url('running', 'odd')),
      run('restore', url('running', 'odd'), '--to', 'running.img'),
      run('backup', 'collect', './backups/?volume=odd'),
    ])
    expect(listed.stdout).toMatch(/^running .* in-progress: it is still in progress, or its maker died$/m)
    expect(listed.stdout).toMatch(/^cut .* unreadable: \S/m)
    expect(listed.stdout).toMatch(/^sound .* ok$/m)
    expect(JSON.parse(inspected.stdout)).toMatchObject({ state: 'unreadable', createdAt: null })
    expect(verified.code).toBe(5)
    expect(restored.code).toBe(5)
    expect(restored.stderr).toContain('backup running of volume odd is still in progress')
    expect(collected.code).toBe(4)
    expect(collected.stdout).toContain('unused blocks stay for now')
  })

  it('deletes a volume when that is said', async () => {
    await json(...create('last', '--volume', 'gone'))
    const refused = await run('backup', 'delete', './backups/?volume=gone')
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('add --all-backups')
    expect(await json('backup', 'delete', './backups/?volume=gone', '--all-backups', '--yes')).toMatchObject({
      deletedBackups: 1,
    })
    expect((await run('backup', 'list', './backups/', '--volume', 'gone')).code).toBe(3)
  })

  it('stops at an interruption and leaves neither lock nor mark', async () => {
    await json(...create('before', '--volume', 'busy'))
    const [config = ''] = globSync('backups/backupstore/volumes/*/*/busy/volume.cfg', { cwd: folder })
    const locks = join(folder, config, '..', 'locks')
    await mkdir(locks, { recursive: true })
    await writeFile(
      join(locks, 'lock-of-a-deletion.lck'),
      '{"Name":"lock-of-a-deletion","Type":2,"Acquired":true}',
    )

    const waiting = startDrover(folder, create('interrupted', '--volume', 'busy'))
    await waiting.spoken
    waiting.interrupt()
    const { code, stdout, stderr } = await waiting.ended
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
    expect(stderr).toMatch(/waiting for a deletion[^]*interrupted; cleaning up/)
    expect(globSync('*', { cwd: locks })).toEqual(['lock-of-a-deletion.lck'])
    expect(globSync('../backups/*', { cwd: locks })).toHaveLength(1)

    const locked = await run(...create('locked', '--volume', 'busy', '--lock-wait', '0s', '--json'))
    expect(locked.code).toBe(5)
    expect(JSON.parse(locked.stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({
      error: { code: 'locked' },
    })
  })
})

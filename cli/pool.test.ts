import { existsSync, globSync } from 'node:fs'
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KiB, MiB } from '#lib/base/sizes.ts'
import { drover } from '#test/drover-process.ts'

const reason = process.platform === 'linux' ? undefined : 'pools need Linux'
if (reason) console.log(`pools are not tested: ${reason}`)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-cli-pool-'))
  await mkdir(join(folder, 'backups'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Each test has its own: one command at a time has a pool. */
const newPool = async (pool: string) => {
  const run = (...args: string[]) => drover(folder, args, { DROVER_POOL: pool })
  const text = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(...args)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    return stdout
  }
  const headOf = (volume: string): string => {
    const [image = ''] = globSync(`${pool}/volumes/${volume}/head*/volume.img`, { cwd: folder })
    return join(folder, image)
  }
  await text('pool', 'init', pool, '--kind', 'copy', '--minimal-available-percentage', '0')
  return {
    /** Whatever comes of it. */
    run,
    /** What a command that must succeed prints. */
    text,
    json: async (...args: string[]): Promise<any> => JSON.parse(await text(...args, '--json')),
    headOf,
    /** As a workload would, if there were a device. */
    write: async (volume: string, content: string, offsetBytes: number): Promise<void> => {
      await using file = await open(headOf(volume), 'r+')
      await file.write(content, offsetBytes)
    },
    exists: (volume: string): boolean => existsSync(join(folder, pool, 'volumes', volume)),
  }
}

describe.skipIf(reason).concurrent('drover pool', () => {
  it('makes, lists, expands and deletes volumes', async () => {
    const { run, text, json } = await newPool('volumes')
    const created = await text('pool', 'volume', 'create', 'first', '--size', '11Mi')
    expect(created).toContain('12 MiB, rounded up from 11 MiB: whole blocks of 2 MiB')
    expect(
      await json(
        'pool',
        'volume',
        'create',
        'second',
        '--size',
        '32Mi',
        '--block-size',
        '16Mi',
        '--sector-size',
        '4096',
      ),
    ).toMatchObject({
      sizeBytes: 32 * MiB,
      isRoundedUp: false,
      blockSizeBytes: 16 * MiB,
      sectorSizeBytes: 4096,
    })
    expect(await text('pool', 'volume', 'expand', 'first', '--size', '16Mi')).toMatch(
      /^volume {2}first\nsize {4}16 MiB\nbefore {2}12 MiB$/m,
    )
    const smaller = await run('pool', 'volume', 'expand', 'first', '--size', '12Mi')
    expect(smaller).toMatchObject({ code: 2, stdout: '' })
    expect((await run('pool', 'volume', 'create', 'first', '--size', '12Mi')).code).toBe(2)

    expect(await json('pool', 'volume', 'attach', 'first', '--maintenance')).toMatchObject({
      frontend: 'none',
      path: null,
      wasAttached: false,
    })
    expect(await text('pool', 'volume', 'list')).toMatch(
      /^first +16 MiB +0 B +0 {2}attached for maintenance {2}-$/m,
    )
    const refused = await run('pool', 'volume', 'delete', 'first', '--yes')
    expect(refused.code).toBe(5)
    expect(await text('pool', 'volume', 'detach', 'first')).toBe('detached volume first\n')
    expect(await text('pool', 'volume', 'detach', 'first')).toBe('volume first was not attached\n')
    expect(await text('pool', 'volume', 'delete', 'first', '--yes')).toBe(
      'deleted volume first (16 MiB) with 0 snapshots\n',
    )
    expect((await text('pool', 'volume', 'list', '--quiet')).split('\n')).not.toContain('first')
    expect((await run('pool', 'volume', 'detach', 'first')).code).toBe(3)
  })

  it('takes snapshots, shows them as a tree, compares them and goes back', async () => {
    const { run, text, json, headOf, write } = await newPool('tree')
    await json('pool', 'volume', 'create', 'tree', '--size', '16Mi')
    await write('tree', 'one', 4 * MiB)
    const taken = await json('pool', 'snapshot', 'create', 'tree', 'monday', '--label', 'team=shop')
    expect(taken).toMatchObject({ name: 'monday', consistency: 'at-rest', labels: { team: 'shop' } })
    await write('tree', 'two', 4 * MiB)
    await write('tree', 'two', 9 * MiB)
    const name = (await text('pool', 'snapshot', 'create', 'tree', '--quiet')).trim()
    expect(name).toMatch(/^snap-[0-9a-f]{16}$/)

    const diff = ['pool', 'snapshot', 'diff', 'tree', 'monday', name]
    expect(await json(...diff, '--block-size', '2Mi')).toMatchObject({
      changedBytes: 8 * KiB,
      blocks: 2,
      extents: [
        { offsetBytes: 4 * MiB, lengthBytes: 4 * KiB },
        { offsetBytes: 9 * MiB, lengthBytes: 4 * KiB },
      ],
    })
    expect(await text(...diff)).toBe(
      ' OFFSET  LENGTH\n4194304    4096\n9437184    4096\n\n8 KiB in 2 extents may differ\n',
    )
    await text('pool', 'snapshot', 'revert', 'tree', 'monday', '--yes')
    expect((await readFile(headOf('tree'))).toString('latin1', 4 * MiB, 4 * MiB + 3)).toBe('one')
    await json('pool', 'snapshot', 'create', 'tree', 'branch')
    const lines = (await text('pool', 'snapshot', 'list', 'tree')).split('\n')
    const columns = lines.map((line) => line.split(/ {2,}(?=\S+Z |CREATED)/)[0])
    expect(columns).toEqual(['SNAPSHOT', 'monday', `├─ ${name}`, '└─ branch', '   (volume head)', ''])
    expect(await text('pool', 'snapshot', 'delete', 'tree', 'branch')).toBe(
      'deleted snapshot branch of volume tree\n',
    )
    expect(await json('pool', 'snapshot', 'list', 'tree')).toMatchObject({
      headParent: 'monday',
      snapshots: [
        { name: 'monday', parent: null, children: [name] },
        { name, parent: 'monday' },
      ],
    })
    expect((await run('pool', 'snapshot', 'delete', 'tree', 'branch')).code).toBe(3)
  })

  it('backs a volume up by what changed, and restores into a new one', async () => {
    const { run, text, json, headOf, write, exists } = await newPool('data')
    await json('pool', 'volume', 'create', 'data', '--size', '16Mi')
    await write('data', 'one', 0)
    await write('data', 'two', 6 * MiB)
    const backUp = (...more: string[]) => [
      'backup',
      'create',
      '--from-volume',
      'data',
      '--to',
      './backups/',
      ...more,
    ]
    expect(await json(...backUp('--name', 'one'))).toMatchObject({
      url: `file://${folder}/backups/?backup=one&volume=data`,
      blockCount: 2,
      newBlocks: 2,
      comparedBy: 'content',
      consistency: 'at-rest',
    })
    await write('data', 'TWO', 6 * MiB)
    const second = await text(...backUp('--name', 'two'))
    expect(second).toMatch(/^compared with {2}one\ncompared by {4}snapshots: .*, 1 of its blocks read$/m)
    expect(second).toMatch(/^consistency {4}at rest: the volume was not attached$/m)
    await json('pool', 'snapshot', 'create', 'data', 'mine')
    await write('data', 'three', 8 * MiB)
    expect(await json(...backUp('--name', 'three', '--snapshot', 'mine'))).toMatchObject({
      snapshotName: 'mine',
      comparedBy: 'snapshots',
      blockCount: 2,
      newBlocks: 0,
    })
    // The one made for the second backup is needed no longer.
    expect(await text('pool', 'snapshot', 'list', 'data', '--quiet')).toBe('mine\n')

    const url = './backups/?backup=three&volume=data'
    expect(await json('restore', url, '--to-volume', 'copy')).toMatchObject({
      isComplete: true,
      to: null,
      toVolume: 'copy',
    })
    const restored = await readFile(headOf('copy'))
    expect(restored).toHaveLength(16 * MiB)
    expect(restored.toString('latin1', 0, 3)).toBe('one')
    expect(restored.toString('latin1', 6 * MiB, 6 * MiB + 3)).toBe('TWO')
    expect(restored.subarray(8 * MiB).every((byte) => byte === 0)).toBe(true)
    expect((await run('restore', url, '--to-volume', 'copy')).code).toBe(2)

    for (const block of globSync('backups/backupstore/volumes/*/*/data/blocks/*/*/*.blk', { cwd: folder }))
      await writeFile(join(folder, block), 'rubbish')
    expect((await run('restore', url, '--to-volume', 'broken')).code).toBe(4)
    expect(exists('broken')).toBe(false)
  })

  it('tells what it leaves alone', async () => {
    const { run } = await newPool('odd')
    await mkdir(join(folder, 'odd/volumes/foreign/layer'), { recursive: true })
    const status = await run('pool', 'status')
    expect(status).toMatchObject({ code: 0, stderr: '' })
    expect(status.stdout).toMatch(/odd\/volumes\/foreign {2}it has no record$/m)
    expect((await run('pool', 'volume', 'list')).stderr).toContain('is left alone')
  })
})

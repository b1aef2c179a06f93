import { hash, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { hasIndependentReader, independentRestore, runIndependentReader } from './independent-reader.ts'
import { longhornFixtures, missingFixtures } from './longhorn-fixtures.ts'

const missing = hasIndependentReader()
if (missing !== undefined) console.log(`skipped: docs/restore-without-drover.sh, ${missing}`)

const noFixtures = missingFixtures()
if (noFixtures !== undefined) console.log(`skipped: stores that Longhorn wrote, ${noFixtures}`)

const root = mkdtempSync(join(tmpdir(), 'independent-reader-'))
afterAll(() => rmSync(root, { recursive: true }))
const newFolder = (): string => mkdtempSync(join(root, 'store-'))

const MiB = 1024 * 1024
const blockSizeBytes = 2 * MiB
const checksumOf = (content: Uint8Array): string => hash('sha512', content, 'hex').slice(0, 64)

const longhornBackups = longhornFixtures().flatMap((fixture) =>
  fixture.manifest.backups.map((backup) => ({ ...backup, name: fixture.name, fixture })),
)

describe.skipIf(missing !== undefined)('stores that Longhorn wrote', () => {
  it.concurrent.each(longhornBackups)(
    'restores $backup of $name',
    async ({ fixture, backup, size, sha256 }) => {
      const output = join(newFolder(), 'image')
      await independentRestore(fixture.folder, fixture.manifest.volume, backup, output)
      const image = await readFile(output)
      await rm(output)
      expect(hash('sha256', image.subarray(0, size))).toBe(sha256)
      // A volume that grew after the backup restores to today's size: what was added is zeros.
      expect(image.length).toBe(Math.max(...fixture.manifest.backups.map((each) => each.size)))
      expect(image.subarray(size).equals(Buffer.alloc(image.length - size))).toBe(true)
    },
  )
})

interface Block {
  Offset: unknown
  BlockChecksum: unknown
}

interface Store {
  folder: string
  home: string
  first: Uint8Array
  second: Uint8Array
  blockFile: (content: Uint8Array) => string
}

/** The first two of a volume's four blocks, then the first again at the end; the third has none. */
const writeStore = (config: object = {}, volumeConfig: object = {}): Store => {
  const [first, second] = [randomBytes(blockSizeBytes), Buffer.alloc(blockSizeBytes, 'second block ')]
  const folder = newFolder()
  const sum = hash('sha512', 'vol1', 'hex')
  const home = join(folder, 'backupstore/volumes', sum.slice(0, 2), sum.slice(2, 4), 'vol1')
  const blockFile = (content: Uint8Array): string => {
    const name = checksumOf(content)
    return join(home, 'blocks', name.slice(0, 2), name.slice(2, 4), `${name}.blk`)
  }
  const Blocks: Block[] = [
    { Offset: 0, BlockChecksum: checksumOf(first) },
    { Offset: blockSizeBytes, BlockChecksum: checksumOf(second) },
    { Offset: 3 * blockSizeBytes, BlockChecksum: checksumOf(first) },
  ]
  mkdirSync(join(home, 'backups'), { recursive: true })
  writeFileSync(
    join(home, 'volume.cfg'),
    JSON.stringify({ Name: 'vol1', Size: String(4 * blockSizeBytes), ...volumeConfig }),
  )
  writeFileSync(
    join(home, 'backups/backup_b1.cfg'),
    JSON.stringify({ Name: 'b1', CreatedTime: '2021-02-01T00:00:09Z', Labels: null, Blocks, ...config }),
  )
  for (const content of [first, second]) putBlock(blockFile(content), gzipSync(content, { level: 1 }))
  return { folder, home, first, second, blockFile }
}

const putBlock = (file: string, bytes: Uint8Array): void => {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, bytes)
}

const restore = async (store: Store) => {
  const output = join(store.folder, 'image')
  return { output, ...(await runIndependentReader(store.folder, 'vol1', 'b1', output)) }
}

const oneBlock = (content: Uint8Array) => ({ Blocks: [{ Offset: 0, BlockChecksum: checksumOf(content) }] })

const named = (BlockChecksum: unknown) => ({ Blocks: [{ Offset: 0, BlockChecksum }] })

describe.skipIf(missing !== undefined)('restore-without-drover.sh', () => {
  it('restores a cfg of an old release, which names neither method nor block size', async () => {
    const store = writeStore()
    const { output, exitCode, stdout } = await restore(store)
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: `OK: 3 blocks checked and restored to ${output}, ${8 * MiB} bytes\n`,
    })
    const expected = Buffer.concat([store.first, store.second, Buffer.alloc(blockSizeBytes), store.first])
    expect(readFileSync(output).equals(expected)).toBe(true)
  })

  it('reads gzip blocks in a backup that says lz4', async () => {
    const store = writeStore({ CompressionMethod: 'lz4' })
    await independentRestore(store.folder, 'vol1', 'b1', join(store.folder, 'image'))
    expect(statSync(join(store.folder, 'image')).size).toBe(8 * MiB)
  })

  it('restores raw blocks that begin like gzip or lz4', async () => {
    const blocks = ['1f8b0800', '04224d18'].map((magic) =>
      Buffer.concat([Buffer.from(magic, 'hex'), randomBytes(blockSizeBytes - 4)]),
    )
    const Blocks = blocks.map((block, i) => ({
      Offset: i * blockSizeBytes,
      BlockChecksum: checksumOf(block),
    }))
    const store = writeStore({ CompressionMethod: 'none', Blocks }, { Size: String(2 * blockSizeBytes) })
    for (const block of blocks) putBlock(store.blockFile(block), block)
    const output = join(store.folder, 'image')
    // The decompressor fails on them before the raw reading succeeds, which must not count as a fault.
    await independentRestore(store.folder, 'vol1', 'b1', output)
    expect(readFileSync(output).equals(Buffer.concat(blocks))).toBe(true)
  })

  it('restores compressed blocks of a backup that says none, and notes that Longhorn would not', async () => {
    const store = writeStore({ CompressionMethod: 'none' })
    expect(await restore(store)).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('note: 2 blocks are right'),
    })
    const again = independentRestore(store.folder, 'vol1', 'b1', join(store.folder, 'again'))
    await expect(again).rejects.toThrow('Longhorn itself does not restore')
  })

  it('notes that a volume is encrypted', async () => {
    const run = await restore(writeStore({ Labels: { 'volume-encrypted': 'enabled' } }))
    expect(run).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('LUKS') })
  })

  it('shows its progress', async () => {
    const block = Buffer.alloc(blockSizeBytes, 1)
    const Blocks = Array.from({ length: 60 }, (_, i) => ({
      Offset: i * blockSizeBytes,
      BlockChecksum: checksumOf(block),
    }))
    const other = Buffer.alloc(blockSizeBytes, 2)
    Blocks.push({ Offset: 60 * blockSizeBytes, BlockChecksum: checksumOf(other) })
    const store = writeStore({ Blocks }, { Size: String(61 * blockSizeBytes) })
    for (const content of [block, other]) putBlock(store.blockFile(content), gzipSync(content))
    expect((await restore(store)).stderr).toContain('of 61 blocks')
  })

  const first = Buffer.alloc(blockSizeBytes)
  it.each([
    { fault: 'a backup in progress', config: { CreatedTime: '' }, says: 'in progress' },
    {
      fault: 'a path for a checksum',
      config: named(`../../../../${'0'.repeat(52)}`),
      says: 'not the checksum',
    },
    {
      fault: 'a checksum with a line after it',
      config: named(`${'0'.repeat(64)}\n`),
      says: 'not the checksum',
    },
    { fault: 'a checksum in capitals', config: named('A'.repeat(64)), says: 'not the checksum' },
    { fault: 'no checksum', config: named(null), says: 'not the checksum' },
    {
      fault: 'a block beyond the end',
      config: { Blocks: [{ ...oneBlock(first).Blocks[0], Offset: 8 * MiB }] },
      says: 'beyond',
    },
    {
      fault: 'a crooked offset',
      config: { Blocks: [{ ...oneBlock(first).Blocks[0], Offset: 512 }] },
      says: 'not a multiple',
    },
    {
      fault: 'a negative offset',
      config: { Blocks: [{ ...oneBlock(first).Blocks[0], Offset: -2 * MiB }] },
      says: 'offset -2097152',
    },
    {
      fault: 'two blocks at one offset',
      config: { Blocks: [...named('0'.repeat(64)).Blocks, ...named('1'.repeat(64)).Blocks] },
      says: 'the same offset',
    },
    {
      fault: 'a single file',
      config: { SingleFile: { FilePath: 'BackupFiles/b1.bak' } },
      says: 'single file',
    },
    {
      fault: 'an unknown method',
      config: { CompressionMethod: 'zstd' },
      says: 'unknown compression method "zstd"',
    },
    {
      fault: 'a block size of 4 MiB',
      config: { Parameters: { 'backup-block-size': '4194304' } },
      says: 'neither 2 MiB nor 16 MiB',
    },
    {
      fault: 'a block size with a unit',
      config: { Parameters: { 'backup-block-size': '2Mi' } },
      says: 'not a whole number',
    },
    {
      fault: 'a backing image',
      volumeConfig: { BackingImageName: '"ubuntu"' },
      says: 'backing image "ubuntu"',
    },
    {
      fault: 'a size that is no multiple',
      volumeConfig: { Size: '8388609' },
      says: 'volume size 8388609 is not a multiple',
    },
    { fault: 'a size of nothing', volumeConfig: { Size: '0' }, says: 'volume size 0' },
    {
      fault: 'a size that is no number',
      volumeConfig: { Size: '8388608; true' },
      says: 'not a whole number',
    },
  ])('refuses $fault', async ({ config, volumeConfig, says }) => {
    const store = writeStore(config, volumeConfig)
    expect(await restore(store)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(says) })
    expect(readdirSync(store.folder)).toEqual(['backupstore'])
  })

  const short = Buffer.alloc(MiB, 7)
  const long = Buffer.alloc(blockSizeBytes + 1, 7)
  it.each<{ fault: string; config?: object; harm: (store: Store) => void; says: string }>([
    { fault: 'missing', harm: (store) => rmSync(store.blockFile(store.second)), says: 'is missing' },
    {
      fault: 'cut',
      harm: (store) => putBlock(store.blockFile(store.second), gzipSync(store.second).subarray(0, -9)),
      says: 'is damaged',
    },
    {
      fault: 'empty',
      harm: (store) => putBlock(store.blockFile(store.second), Buffer.alloc(0)),
      says: 'is damaged',
    },
    {
      fault: 'another block',
      harm: (store) => putBlock(store.blockFile(store.second), gzipSync(store.first)),
      says: 'is damaged',
    },
    {
      fault: 'short',
      config: oneBlock(short),
      harm: (store) => putBlock(store.blockFile(short), gzipSync(short)),
      says: 'is damaged',
    },
    {
      fault: 'long',
      config: oneBlock(long),
      harm: (store) => putBlock(store.blockFile(long), gzipSync(long)),
      says: 'is damaged',
    },
    {
      fault: 'long and raw',
      config: oneBlock(long),
      harm: (store) => putBlock(store.blockFile(long), long),
      says: 'is damaged',
    },
  ])('refuses a block that is $fault, and leaves nothing behind', async ({ config, harm, says }) => {
    const store = writeStore(config)
    harm(store)
    expect(await restore(store)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(says) })
    expect(readdirSync(store.folder)).toEqual(['backupstore'])
  })

  it('does not unpack a bomb', { timeout: 10_000 }, async () => {
    const store = writeStore()
    const sixteenMiB = gzipSync(Buffer.alloc(16 * MiB))
    // 32 GiB, which would take minutes to unpack.
    putBlock(store.blockFile(store.second), Buffer.concat(Array.from({ length: 2048 }, () => sixteenMiB)))
    expect(await restore(store)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('is damaged') })
  })

  it('leaves a file that exists as it is', async () => {
    const store = writeStore()
    writeFileSync(join(store.folder, 'image'), 'precious')
    expect(await restore(store)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('exists already'),
    })
    expect(readFileSync(join(store.folder, 'image'), 'utf8')).toBe('precious')
  })

  it('names what is there when the name asked for is not', async () => {
    const { folder } = writeStore()
    const volume = await runIndependentReader(folder, 'vol2', 'b1', join(folder, 'image'))
    const backup = await runIndependentReader(folder, 'vol1', 'b2', join(folder, 'image'))
    expect(volume).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('there are:\n  vol1\n') })
    expect(backup).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('there are:\n  b1\n') })
  })

  it.each(['../vol1', '.', 'a/b', ''])('takes %j for no name', async (name) => {
    const { folder } = writeStore()
    const run = await runIndependentReader(folder, name, 'b1', join(folder, 'image'))
    expect(run).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('cannot be the name') })
  })

  it('explains itself', async () => {
    expect(await runIndependentReader('--help')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('usage:'),
    })
    expect(await runIndependentReader('one')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('usage:'),
    })
  })
})

import { randomBytes } from 'node:crypto'
import { mkdtemp, open, rm, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KiB } from '#lib/base/sizes.ts'
import { compressionMethods, decompressBlock } from '#lib/backupstore/block.ts'
import { checksumOf } from '#lib/backupstore/checksum.ts'
import { blockWorkers } from './block-workers.ts'

const blockSizeBytes = 64 * KiB
const blockCount = 6

describe('block workers', () => {
  const workers = blockWorkers(1)
  const content = randomBytes(blockCount * blockSizeBytes)
  let folder = ''
  let file: FileHandle
  const blockAt = (index: number) => content.subarray(index * blockSizeBytes, (index + 1) * blockSizeBytes)
  const indexes = [...Array(blockCount).keys()]

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'drover-workers-'))
    file = await open(join(folder, 'volume'), 'w+')
    await file.writeFile(content)
  })
  afterAll(async () => {
    await workers.close()
    await file.close()
    await rm(folder, { recursive: true })
  })

  it.each(compressionMethods)('give each block its own memory: %s', async (method) => {
    const read = await Promise.all(
      indexes.map((index) => workers.run({ kind: 'read', fd: file.fd, index, blockSizeBytes, method })),
    )
    const unpacked = read.map(({ stored = new Uint8Array(0) }) =>
      decompressBlock({ bytes: stored, method, blockSizeBytes, key: 'x' }),
    )
    expect(read.map(({ checksum }) => checksum)).toEqual(indexes.map((index) => checksumOf(blockAt(index))))
    expect(unpacked.map((data) => checksumOf(data))).toEqual(read.map(({ checksum }) => checksum))
  })

  it.each(compressionMethods)('write what they read, at each of its places: %s', async (method) => {
    const { checksum, stored: bytes = new Uint8Array(0) } = await workers.run({
      kind: 'read',
      fd: file.fd,
      index: 0,
      blockSizeBytes,
      method,
    })
    const copy = await open(join(folder, method), 'w+')
    const block = { bytes, method, blockSizeBytes, checksum, key: 'x' }
    await workers.run({ kind: 'write', fd: copy.fd, block, indexes: [0, 2] })
    const written = await copy.readFile()
    await copy.close()
    expect(written.equals(Buffer.concat([blockAt(0), Buffer.alloc(blockSizeBytes), blockAt(0)]))).toBe(true)
  })

  it('tell of a damaged block as an error with its code', async () => {
    const block = {
      bytes: Buffer.alloc(blockSizeBytes),
      method: 'none' as const,
      blockSizeBytes,
      checksum: checksumOf('other'),
      key: 'x',
    }
    await expect(workers.run({ kind: 'check', block })).rejects.toMatchObject({ code: 'invalid-block' })
  })
})

it('refuses tasks when it is closed, also those under way', async () => {
  const workers = blockWorkers(1)
  const task = { kind: 'hash', fd: -1, index: 0, blockSizeBytes: 2 ** 21 } as const
  const underWay = Promise.allSettled([workers.run(task), workers.run(task), workers.run(task)])
  await workers.close()
  expect((await underWay).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  await expect(workers.run(task)).rejects.toThrow('have ended')
})

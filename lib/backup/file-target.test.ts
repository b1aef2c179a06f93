import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import { checksumOf } from '#lib/backupstore/checksum.ts'
import { blockWorkers } from './block-workers.ts'
import { fileTarget } from './file-target.ts'

const blockSizeBytes = 2 * MiB

describe('file target', () => {
  const workers = blockWorkers(1)
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'drover-target-'))
  })
  afterEach(() => rm(folder, { recursive: true }))
  afterAll(() => workers.close())

  const newBlock = () => {
    const bytes = new Uint8Array(randomBytes(blockSizeBytes))
    return { bytes, method: 'none' as const, blockSizeBytes, checksum: checksumOf(bytes), key: 'x' }
  }

  it('holds all that was written while it was synced', async () => {
    const path = join(folder, 'disk.img')
    const target = await fileTarget(path, workers)
    const blockCount = 36 // more than is written before a sync
    await target.prepare(blockCount * blockSizeBytes)
    const checksums = await Promise.all(
      Array.from({ length: blockCount }, async (_, index) => {
        const block = newBlock()
        await target.write(block, [index])
        return block.checksum
      }),
    )
    await target.finish()
    const written = await readFile(path)
    expect(written.length).toBe(blockCount * blockSizeBytes)
    expect(
      checksums.map((_, index) =>
        checksumOf(written.subarray(index * blockSizeBytes, (index + 1) * blockSizeBytes)),
      ),
    ).toEqual(checksums)
  })

  it('leaves nothing behind when it is abandoned in the middle of a sync', async () => {
    const target = await fileTarget(join(folder, 'disk.img'), workers)
    const indexes = [...Array(40).keys()]
    await target.prepare(indexes.length * blockSizeBytes)
    await target.write(newBlock(), indexes)
    await target.abandon()
    expect(await readdir(folder)).toEqual([])
  })
})

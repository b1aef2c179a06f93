/** What a config of a whole TiB costs: 524,288 blocks, 52 MB of JSON, as three times what a backup does with it. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import * as z from 'zod'

const script = `
import { decodeBackupConfig, encodeBackupConfig, inProgressConfig } from './backup-config.ts'
import { blockListBuilder, checksumAt } from './block-list.ts'

const [blocks, size] = [524288, 2097152]
const checksum = (seed) => seed.toString(16).padStart(64, '0')
const config = (list) => ({ ...inProgressConfig({ name: 'b', volumeName: 'v', compressionMethod: 'lz4' }), blocks: list })
async function* chunksOf(encoded) { yield* encoded.open() }

const base = blockListBuilder(size)
for (let index = 0; index < blocks; index += 2) base.set(index, checksum(index))
const read = await decodeBackupConfig(chunksOf(encodeBackupConfig(config(base.build()))), 'base')

const merged = blockListBuilder(size)
for (let position = 0; position < read.blocks.count; position++) merged.set(read.blocks.indexes[position], checksumAt(read.blocks, position))
for (let index = 1; index < blocks; index += 2) merged.set(index, checksum(index))
const encoded = encodeBackupConfig(config(merged.build()))
const again = await decodeBackupConfig(chunksOf(encoded), 'merged')

let bytes = 0
for (const chunk of encodeBackupConfig(again).open()) bytes += chunk.length
console.log(JSON.stringify({
  count: again.blocks.count,
  last: checksumAt(again.blocks, blocks - 1) === checksum(blocks - 1),
  sizeBytes: encoded.sizeBytes,
  bytes,
  maxRssMiB: process.resourceUsage().maxRSS / 1024,
}))
`

const Outcome = z.object({
  count: z.number(),
  last: z.boolean(),
  sizeBytes: z.number(),
  bytes: z.number(),
  maxRssMiB: z.number(),
})

it('a volume of 1 TiB is read, merged and written in less than 300 MiB', async () => {
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: join(import.meta.dirname),
  })
  const outcome = Outcome.parse(JSON.parse(stdout))
  expect(outcome).toMatchObject({ count: 524_288, last: true })
  expect(outcome.bytes).toBe(outcome.sizeBytes)
  expect(outcome.bytes).toBeGreaterThan(50e6)
  expect(outcome.maxRssMiB).toBeLessThan(300)
})

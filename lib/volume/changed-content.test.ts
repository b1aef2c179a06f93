import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { KiB, MiB } from '#lib/base/sizes.ts'
import { changedContent, changedFile } from './changed-content.ts'
import type { Extent } from './extents.ts'
import { differingUnits, unitsOf } from './pool-fixture.contract.ts'

const top = mkdtempSync(join(tmpdir(), 'drover-changed-'))
afterAll(() => rmSync(top, { recursive: true }))
const [base, file] = [join(top, 'base'), join(top, 'file')]
const sizeBytes = 9 * MiB

const fileWith = (path: string, writes: readonly { at: number; bytes: number }[]): Buffer => {
  const content = Buffer.alloc(sizeBytes)
  for (const { at, bytes } of writes) content.fill('x', at, Math.min(at + bytes, sizeBytes))
  writeFileSync(path, content)
  return content
}

const writes = fc.array(
  fc.record({ at: fc.integer({ min: 0, max: sizeBytes - 1 }), bytes: fc.integer({ min: 1, max: 64 * KiB }) }),
  { maxLength: 4 },
)

it('tells exactly the units in which two files differ, over the chunks they are read in', async () => {
  await fc.assert(
    fc.asyncProperty(writes, writes, async (before, after) => {
      const [a, b] = [fileWith(base, before), fileWith(file, after)]
      expect(await unitsOf(changedFile(base, file, sizeBytes), sizeBytes)).toEqual(differingUnits(a, b))
    }),
    { numRuns: 15 },
  )
})

it('takes what lies beyond the end of a file for zeros', async () => {
  fileWith(base, [{ at: 0, bytes: 10 }])
  fileWith(file, [
    { at: 0, bytes: 10 },
    { at: 5 * MiB, bytes: 1 },
  ])
  truncateSync(base, 4 * MiB + 100)
  expect(await unitsOf(changedFile(base, file, sizeBytes), sizeBytes)).toEqual(new Set([1280]))
})

it('looks only where it is told to', async () => {
  fileWith(base, [])
  fileWith(file, [
    { at: 0, bytes: 1 },
    { at: 6 * MiB, bytes: 8 * KiB },
  ])
  const found: Extent[] = []
  for await (const extent of changedContent(base, file, [{ offsetBytes: 6 * MiB, lengthBytes: 4 * KiB }]))
    found.push(extent)
  expect(found).toEqual([{ offsetBytes: 6 * MiB, lengthBytes: 4 * KiB }])
})

it('fails where a file is missing', async () => {
  fileWith(base, [])
  await expect(unitsOf(changedFile(base, join(top, 'none'), sizeBytes), sizeBytes)).rejects.toThrow('ENOENT')
})

/**
 * How some of the lives of backup-properties.test.ts end, read by the independent reader.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { live, sizeBlocksOf } from './backup-model.ts'
import { story } from './backup-story.ts'
import { hasIndependentReader } from './independent-reader.ts'
import { sha256Of } from './letter-volume.ts'
import { independentReader } from './readers.ts'
import { volumeName } from './volume-actions.ts'

const missing = hasIndependentReader()
if (missing !== undefined) console.log(`skipped: docs/restore-without-drover.sh, ${missing}`)

const runs = 600
const readEvery = 5

describe.skipIf(missing !== undefined)('a volume after a random life', () => {
  it('restores without Drover, but for what was damaged', async () => {
    let lives = 0
    let read = 0
    await fc.assert(
      fc.asyncProperty(story, async (each) => {
        const { files, whole } = await live(each)
        lives += 1
        if (lives % readEvery !== 0) return
        for (const [name, word] of whole) {
          read += 1
          expect(await independentReader(files, volumeName, name)).toBe(sha256Of(word, sizeBlocksOf(files)))
        }
      }),
      { seed: 20_260_102, numRuns: runs, endOnFailure: true },
    )
    console.log(`${read} backups restored without Drover`)
    expect(read).toBeGreaterThan(60)
  })
})

/**
 * Random lives of a volume of 1 to 8 blocks: after each step every backup that nothing damaged restores to its content, and
 * nothing is stored that no backup needs.
 */
import * as fc from 'fast-check'
import { describe, it } from 'vitest'
import { live, story } from './backup-model.ts'

describe('a volume', () => {
  it('keeps what was backed up, through backups, deletions, damage, repair, growth and restores', async () => {
    await fc.assert(
      fc.asyncProperty(story, async (each) => {
        await live(each)
      }),
      { seed: 20_260_101, numRuns: 300 },
    )
  })
})

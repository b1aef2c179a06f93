/**
 * Random lives of a volume of 1 to 8 blocks: after each step every backup that nothing damaged restores to its content, and
 * nothing is stored that no backup needs.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { live } from './backup-model.ts'
import { story } from './backup-story.ts'

describe('a volume', () => {
  it('keeps what was backed up, through backups, deletions, damage, repair, growth and restores', async () => {
    const lives = fc.asyncProperty(story, async (each) => {
      await live(each)
    })
    expect(await fc.assert(lives, { seed: 20_260_101, numRuns: 300 })).toBe(undefined)
  })
})

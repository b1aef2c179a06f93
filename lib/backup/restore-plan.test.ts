import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blockListBuilder, type BlockList } from '#lib/backupstore/block-list.ts'
import { gapsOf, placesOf } from './restore-plan.ts'

const checksum = (letter: number): string => letter.toString(16).padStart(64, '0')

const listOf = (blocks: readonly (readonly [number, number])[]): BlockList => {
  const builder = blockListBuilder(2_097_152)
  for (const [index, letter] of blocks) builder.set(index, checksum(letter))
  return builder.build()
}

const someBlocks = fc.uniqueArray(fc.tuple(fc.nat(40), fc.nat(6)), { selector: ([index]) => index })

describe('the plan of a restore', () => {
  it('names each distinct block once, with all its places that are wanted', () => {
    fc.assert(
      fc.property(someBlocks, fc.func(fc.boolean()), (blocks, isWanted) => {
        const places = [...placesOf(listOf(blocks), isWanted)]
        expect(new Set(places.map((place) => place.checksum)).size).toBe(places.length)
        const written = places.flatMap((place) => place.indexes.map((index) => `${index} ${place.checksum}`))
        const wanted = blocks
          .filter(([index]) => isWanted(index))
          .map(([index, letter]) => `${index} ${checksum(letter)}`)
        expect(written.toSorted()).toEqual(wanted.toSorted())
      }),
    )
  })

  it('knows what a backup does not name', () => {
    fc.assert(
      fc.property(someBlocks, (blocks) => {
        const named = new Set(blocks.map(([index]) => index))
        const gaps = [...Array(41).keys()].filter((index) => !named.has(index))
        expect([...gapsOf(listOf(blocks), 41)]).toEqual(gaps)
      }),
    )
  })
})

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blockListBuilder, checksumAt, emptyBlockList, isSameChecksum, positionOf } from './block-list.ts'
import { checksumOf } from './checksum.ts'

const MiB = 1024 * 1024
const sums = [checksumOf('0'), checksumOf('1'), checksumOf('2')] as const

describe('a block list', () => {
  it('is what a map of its entries is, in order, whatever order they came in', () => {
    const entries = fc.array(fc.tuple(fc.oneof(fc.nat(30), fc.nat({ max: 2 ** 32 - 1 })), fc.nat(2)), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(entries, fc.integer({ min: 0, max: 3 }), (pairs, expected) => {
        const builder = blockListBuilder(2 * MiB, expected)
        for (const [index, sum] of pairs) builder.set(index, sums[sum] ?? sums[0])
        const repeated: number[] = []
        const list = builder.build((index) => repeated.push(index))
        const wanted = [...new Map(pairs)].toSorted(([a], [b]) => a - b)
        expect([...list.indexes]).toEqual(wanted.map(([index]) => index))
        expect(wanted.map((_, position) => checksumAt(list, position))).toEqual(
          wanted.map(([, sum]) => sums[sum]),
        )
        expect(repeated.length).toBe(pairs.length - wanted.length)
        for (const [position, [index]] of wanted.entries()) expect(positionOf(list, index)).toBe(position)
      }),
    )
  })

  it('finds no block that it has not', () => {
    const builder = blockListBuilder(2 * MiB)
    for (const index of [1, 5, 9]) builder.set(index, sums[0])
    expect([0, 2, 8, 10].map((index) => positionOf(builder.build(), index))).toEqual([-1, -1, -1, -1])
    expect(positionOf(emptyBlockList(2 * MiB), 0)).toBe(-1)
  })

  it('compares checksums of two lists', () => {
    const [a, b] = [blockListBuilder(2 * MiB), blockListBuilder(2 * MiB)]
    for (const [index, sum] of sums.entries()) a.set(index, sum)
    b.set(7, sums[1])
    expect([0, 1, 2].map((position) => isSameChecksum(a.build(), position, b.build(), 0))).toEqual([
      false,
      true,
      false,
    ])
  })
})

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KiB, MiB } from '#lib/base/sizes.ts'
import {
  blocksOf,
  changedExtents,
  extentUnitBytes,
  isData,
  isShared,
  joined,
  sameExtents,
  totalBytes,
  type Extent,
} from './extents.ts'
import type { PhysicalExtent } from './linux-system-calls.ts'

const unit = extentUnitBytes
const unwritten = 0x800
const shared = 0x2000
const last = 0x1

const extent = (at: number, count: number, physical: number, flags = 0): PhysicalExtent => ({
  offsetBytes: at * unit,
  lengthBytes: count * unit,
  physicalBytes: physical * unit,
  flags,
})

/** In units: where it begins, how many. */
const inUnits = (extents: readonly Extent[]): [number, number][] =>
  extents.map(({ offsetBytes, lengthBytes }) => [offsetBytes / unit, lengthBytes / unit])

describe('changedExtents', () => {
  it.each<[string, PhysicalExtent[], PhysicalExtent[], [number, number][]]>([
    ['nothing in two empty files', [], [], []],
    ['nothing where both have the same place', [extent(2, 3, 50)], [extent(2, 3, 50)], []],
    ['what lies in another place', [extent(2, 3, 50)], [extent(2, 3, 60)], [[2, 3]]],
    ['what was a hole', [], [extent(2, 3, 50)], [[2, 3]]],
    ['what became a hole', [extent(2, 3, 50)], [], [[2, 3]]],
    ['nothing where a hole became allocated but not written', [], [extent(2, 3, 50, unwritten)], []],
    [
      'nothing where both are unwritten in other places',
      [extent(2, 3, 50, unwritten)],
      [extent(2, 3, 70, unwritten)],
      [],
    ],
    [
      'what was unwritten and is data in the same place',
      [extent(2, 3, 50, unwritten)],
      [extent(2, 3, 50)],
      [[2, 3]],
    ],
    [
      'the middle of an extent that was cut in three',
      [extent(0, 9, 50)],
      [extent(0, 3, 50), extent(3, 3, 90), extent(6, 3, 56)],
      [[3, 3]],
    ],
    ['nothing where one extent is told as two', [extent(0, 9, 50)], [extent(0, 4, 50), extent(4, 5, 54)], []],
    ['nothing by flags that say nothing of place', [extent(0, 4, 50, shared)], [extent(0, 4, 50, last)], []],
    ['nothing beyond the size', [], [extent(30, 8, 50)], [[30, 2]]],
  ])('tells %s', (_, before, after, expected) => {
    expect(inUnits(changedExtents(before, after, 32 * unit))).toEqual(expected)
  })

  it.each([
    ['unknown', 0x2],
    ['not yet allocated', 0x4],
    ['encoded', 0x8],
    ['encrypted', 0x80],
    ['not aligned', 0x100],
    ['inline', 0x200],
    ['a tail', 0x400],
    ['encoded and unwritten', 0x8 | unwritten],
  ])('takes a place that is %s for changed, though it is told alike twice', (_, flags) => {
    const extents = [extent(2, 3, 50, flags)]
    expect(inUnits(changedExtents(extents, extents, 32 * unit))).toEqual([[2, 3]])
    expect(isData(extents[0] ?? extent(0, 0, 0))).toBe(true)
  })

  it('takes what lies beyond the end of the older file for zeros', () => {
    expect(
      inUnits(changedExtents([extent(0, 4, 50)], [extent(0, 4, 50), extent(10, 2, 80)], 12 * unit)),
    ).toEqual([[10, 2]])
  })

  /** A model: one place for each unit; 0 a hole, below 0 unwritten. */
  const places = fc.array(fc.integer({ min: -2, max: 6 }), { minLength: 24, maxLength: 24 })
  /** Neighbours that lie together become one extent, as file systems tell them. */
  const extentsOf = (units: readonly number[]): PhysicalExtent[] => {
    const found: PhysicalExtent[] = []
    for (const [at, place] of units.entries()) {
      if (place === 0) continue
      const flags = place < 0 ? unwritten : 0
      const physical = Math.abs(place) * 1000 + at
      const before = found.at(-1)
      const touches = before && before.offsetBytes + before.lengthBytes === at * unit
      if (touches && before.flags === flags && before.physicalBytes + before.lengthBytes === physical * unit)
        before.lengthBytes += unit
      else found.push(extent(at, 1, physical, flags))
    }
    return found
  }

  it('tells exactly the units whose place differs, in any two files', () => {
    fc.assert(
      fc.property(places, places, (before, after) => {
        const written = (place: number | undefined) => Math.max(place ?? 0, 0)
        const expected = after.flatMap((place, at) => (written(place) === written(before[at]) ? [] : [at]))
        const told = changedExtents(extentsOf(before), extentsOf(after), 24 * unit)
        const units = inUnits(told).flatMap(([at, count]) =>
          Array.from({ length: count }, (_, index) => at + index),
        )
        expect(units).toEqual(expected)
      }),
    )
  })
})

describe('joined', () => {
  const ranges = fc
    .array(fc.record({ gap: fc.nat(20_000), lengthBytes: fc.integer({ min: 1, max: 20_000 }) }), {
      maxLength: 20,
    })
    .map((items) => {
      let at = 0
      return items.map(({ gap, lengthBytes }) => {
        const offsetBytes = at + gap
        at = offsetBytes + lengthBytes
        return { offsetBytes, lengthBytes }
      })
    })

  it('gives whole units, ascending and apart, that have all of what it got and no unit more', () => {
    fc.assert(
      fc.property(ranges, (extents) => {
        const sizeBytes = MiB
        const expected = new Set<number>()
        for (const { offsetBytes, lengthBytes } of extents)
          for (let at = Math.floor(offsetBytes / unit); at * unit < offsetBytes + lengthBytes; at++)
            expected.add(at)
        const found = inUnits([...joined(extents, sizeBytes)])
        let end = -1
        const units = new Set<number>()
        for (const [at, count] of found) {
          expect(at).toBeGreaterThan(end)
          end = at + count
          for (let index = at; index < end; index++) units.add(index)
        }
        expect(units).toEqual(expected)
      }),
    )
  })

  it('ends with the file, though that is no whole unit', () => {
    const found = [...joined([{ offsetBytes: 5000, lengthBytes: 100 }], 6000)]
    expect(found).toEqual([{ offsetBytes: 4096, lengthBytes: 1904 }])
  })
})

describe('sameExtents', () => {
  const extents = [extent(0, 4, 50), extent(8, 4, 90, unwritten)]
  it.each<[string, PhysicalExtent[], boolean]>([
    ['the same', [extent(0, 4, 50, shared), extent(8, 4, 95, unwritten | last)], true],
    ['one moved', [extent(0, 4, 51), extent(8, 4, 90, unwritten)], false],
    ['one longer', [extent(0, 5, 50), extent(8, 4, 90, unwritten)], false],
    ['one written', [extent(0, 4, 50), extent(8, 4, 90)], false],
    ['one fewer', [extent(0, 4, 50)], false],
    ['one more', [...extents, extent(20, 1, 7)], false],
  ])('compares with %s', (_, others, expected) => {
    expect(sameExtents(extents, others)).toBe(expected)
  })
})

describe('blocksOf', () => {
  it.each<[string, Extent[], number[]]>([
    ['nothing', [], []],
    ['a part of one', [{ offsetBytes: 10, lengthBytes: 1 }], [0]],
    ['one to its end', [{ offsetBytes: 0, lengthBytes: 2 * MiB }], [0]],
    ['two over a border', [{ offsetBytes: 2 * MiB - 1, lengthBytes: 2 }], [0, 1]],
    [
      'one once, for two extents',
      [
        { offsetBytes: 0, lengthBytes: KiB },
        { offsetBytes: MiB, lengthBytes: 2 * MiB },
        { offsetBytes: 3.5 * MiB, lengthBytes: KiB },
      ],
      [0, 1],
    ],
    [
      'those far apart',
      [
        { offsetBytes: 0, lengthBytes: 1 },
        { offsetBytes: 20 * MiB, lengthBytes: 2 * MiB + 1 },
      ],
      [0, 10, 11],
    ],
  ])('has %s', (_, extents, expected) => {
    expect([...blocksOf(extents, 2 * MiB)]).toEqual(expected)
  })
})

it('adds up extents', () => {
  expect(totalBytes([])).toBe(0)
  expect(
    totalBytes([
      { offsetBytes: 7, lengthBytes: 3 },
      { offsetBytes: 70, lengthBytes: 4 },
    ]),
  ).toBe(7)
})

it.each([
  [0, true, false],
  [unwritten, false, false],
  [shared, true, true],
  [shared | unwritten, false, true],
])('knows by the flags %d whether it is data, and shared', (flags, data, isSharedToo) => {
  const one = extent(0, 1, 9, flags)
  expect([isData(one), isShared(one)]).toEqual([data, isSharedToo])
})

/**
 * @module extents: what of two files differs, told from where their parts lie on the disk. Pure.
 *
 * A part is the same in both if both have nothing there, or both have it in the same place. It needs both files to exist, and to
 * be at rest: of a file that is gone, another may have been given the place. Source: docs/volumes.md, changed blocks.
 */
import { KiB } from '#lib/base/sizes.ts'
import type { PhysicalExtent } from './linux-system-calls.ts'

export interface Extent {
  offsetBytes: number
  lengthBytes: number
}

/** What changed is told in these. */
export const extentUnitBytes = 4 * KiB

/** Where a part lies relative to its offset; `zero`: nothing is there; `unknown`: the file system does not say. */
type Place = number | 'zero' | 'unknown'

const unwritten = 0x800
/** UNKNOWN, DELALLOC, ENCODED, DATA_ENCRYPTED, NOT_ALIGNED, DATA_INLINE, DATA_TAIL. */
const untrusted = 0x2 | 0x4 | 0x8 | 0x80 | 0x100 | 0x200 | 0x400
const shared = 0x2000

const placeOf = ({ flags, physicalBytes, offsetBytes }: PhysicalExtent): Place => {
  if ((flags & untrusted) !== 0) return 'unknown'
  return (flags & unwritten) !== 0 ? 'zero' : physicalBytes - offsetBytes
}

export const isData = ({ flags }: PhysicalExtent): boolean =>
  (flags & unwritten) === 0 || (flags & untrusted) !== 0
export const isShared = ({ flags }: PhysicalExtent): boolean => (flags & shared) !== 0

interface Part {
  endBytes: number
  place: Place
}

/** Extents and the holes between them, without a gap up to the size. */
const partsOf = function* (extents: readonly PhysicalExtent[], sizeBytes: number): Generator<Part> {
  let at = 0
  for (const extent of extents) {
    if (extent.offsetBytes >= sizeBytes) break
    if (extent.offsetBytes > at) yield { endBytes: extent.offsetBytes, place: 'zero' }
    at = Math.min(extent.offsetBytes + extent.lengthBytes, sizeBytes)
    yield { endBytes: at, place: placeOf(extent) }
  }
  if (at < sizeBytes) yield { endBytes: sizeBytes, place: 'zero' }
}

const isSame = (a: Place, b: Place): boolean => a !== 'unknown' && a === b

/** Outwards to whole units, ascending; what touches is one. */
export const joined = function* (extents: Iterable<Extent>, sizeBytes: number): Generator<Extent> {
  let open: { start: number; end: number } | undefined
  for (const { offsetBytes, lengthBytes } of extents) {
    const start = Math.floor(offsetBytes / extentUnitBytes) * extentUnitBytes
    const end = Math.min(
      Math.ceil((offsetBytes + lengthBytes) / extentUnitBytes) * extentUnitBytes,
      sizeBytes,
    )
    if (open && start <= open.end) open.end = Math.max(open.end, end)
    else {
      if (open) yield { offsetBytes: open.start, lengthBytes: open.end - open.start }
      open = { start, end }
    }
  }
  if (open) yield { offsetBytes: open.start, lengthBytes: open.end - open.start }
}

const differences = function* (
  before: readonly PhysicalExtent[],
  after: readonly PhysicalExtent[],
  sizeBytes: number,
): Generator<Extent> {
  const [olds, news] = [partsOf(before, sizeBytes), partsOf(after, sizeBytes)]
  let [old, now] = [olds.next(), news.next()]
  let at = 0
  while (!old.done && !now.done) {
    const end = Math.min(old.value.endBytes, now.value.endBytes)
    if (end > at && !isSame(old.value.place, now.value.place))
      yield { offsetBytes: at, lengthBytes: end - at }
    at = end
    if (old.value.endBytes === end) old = olds.next()
    if (now.value.endBytes === end) now = news.next()
  }
}

/** What of `after`, a file of `sizeBytes`, may differ from `before`; what lay beyond the end of `before` was zeros. */
export const changedExtents = (
  before: readonly PhysicalExtent[],
  after: readonly PhysicalExtent[],
  sizeBytes: number,
): Extent[] => [...joined(differences(before, after, sizeBytes), sizeBytes)]

export const sameExtents = (a: readonly PhysicalExtent[], b: readonly PhysicalExtent[]): boolean =>
  a.length === b.length &&
  a.every((extent, index) => {
    const other = b[index]
    return (
      other !== undefined &&
      extent.offsetBytes === other.offsetBytes &&
      extent.lengthBytes === other.lengthBytes &&
      placeOf(extent) === placeOf(other)
    )
  })

export const totalBytes = (extents: readonly Extent[]): number =>
  extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)

/** The blocks that extents touch, ascending. */
export const blocksOf = (extents: Iterable<Extent>, blockSizeBytes: number): Uint32Array => {
  const blocks: number[] = []
  for (const { offsetBytes, lengthBytes } of extents) {
    const first = Math.max(Math.floor(offsetBytes / blockSizeBytes), (blocks.at(-1) ?? -1) + 1)
    const end = Math.ceil((offsetBytes + lengthBytes) / blockSizeBytes)
    for (let index = first; index < end; index++) blocks.push(index)
  }
  return Uint32Array.from(blocks)
}

/**
 * @module audit-volume: whether a volume of a pool is what its model says, byte for byte, and what is told of its changes too.
 */
import { createHash } from 'node:crypto'
import { open, readdir, readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { join } from 'node:path'
import { extentUnitBytes, type Extent } from '#lib/volume/extents.ts'
import type { Pool } from '#lib/volume/pool.ts'
import { headImage } from '#lib/volume/pool-context.ts'
import { decodeRecord, type VolumeRecord } from '#lib/volume/volume-record.ts'
import { roomForContent } from './linux-contents.ts'
import {
  observe,
  summaryOf,
  type Image,
  type ModelSnapshot,
  type Summary,
  type VolumeModel,
} from './volume-model.ts'

export const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex')

const folderOf = (pool: Pool, volume: string): string => join(pool.folder, 'volumes', volume)

export const recordOf = async (pool: Pool, volume: string): Promise<VolumeRecord> => {
  const path = join(folderOf(pool, volume), 'volume.json')
  return decodeRecord(await readFile(path, 'utf8'), path)
}

/** One more byte than it must have would be told too. */
const readWhole = async (path: string, sizeBytes: number): Promise<Buffer> => {
  const content = roomForContent(sizeBytes + 1)
  const file = await open(path, 'r')
  try {
    const { bytesRead } = await file.read(content, 0, content.length, 0)
    if (bytesRead !== sizeBytes) throw new Error(`${path} has ${bytesRead} bytes or more, not ${sizeBytes}`)
    return content.subarray(0, sizeBytes)
  } finally {
    await file.close()
  }
}

/** As its user sees it; of one that is detached its file. */
export const readHead = async (pool: Pool, volume: string, sizeBytes: number): Promise<Buffer> => {
  const path = (await pool.showVolume(volume)).path ?? headImage(pool, await recordOf(pool, volume))
  return readWhole(path, sizeBytes)
}

const zeroUnit = Buffer.alloc(extentUnitBytes)
const nothing: Image = { content: Buffer.alloc(0), stamps: new Uint32Array(0) }

/** What lies beyond the base's end was zeros. */
const differsFrom = (base: Image, { content }: Image, unit: number): boolean => {
  const [start, end] = [unit * extentUnitBytes, (unit + 1) * extentUnitBytes]
  const isWithin = start < base.content.length
  return isWithin
    ? base.content.compare(content, start, end, start, end) !== 0
    : zeroUnit.compare(content, start, end) !== 0
}

const wasTouched = (base: Image, { stamps }: Image, unit: number): boolean =>
  stamps[unit] !== (base.stamps[unit] ?? 0)

const gathered = async (extents: AsyncIterable<Extent>): Promise<Extent[]> => {
  const all: Extent[] = []
  for await (const extent of extents) all.push(extent)
  return all
}

/** The units that extents name, which must be whole, apart, ascending, and within the image. */
const unitsOf = (extents: readonly Extent[], { stamps }: Image): Uint8Array => {
  const units = new Uint8Array(stamps.length)
  let end = -1
  for (const { offsetBytes, lengthBytes } of extents) {
    const [first, count] = [offsetBytes / extentUnitBytes, lengthBytes / extentUnitBytes]
    if (!Number.isInteger(first) || !Number.isInteger(count) || count < 1 || first <= end)
      throw new Error(`extents out of form: ${JSON.stringify(extents)}`)
    end = first + count
    if (end > stamps.length) throw new Error(`extents beyond the end: ${JSON.stringify(extents)}`)
    units.fill(1, first, end)
  }
  return units
}

/**
 * A diff names every unit that differs. What else it may name:
 *
 * - on `copy` nothing: it compares content;
 * - on `btrfs` and `xfs` units that were touched on the way from one to the other, though they have the same content again: by
 *   a write of what was there, or of zeros over a hole, or by being written and discarded. None that nobody touched: neither
 *   the extent size hints of XFS nor what is allocated and unwritten makes a unit count as changed.
 */
const checkUnits = (
  what: string,
  told: Uint8Array,
  must: (unit: number) => boolean,
  may: (unit: number) => boolean,
) => {
  told.forEach((isTold, unit) => {
    if (!isTold && must(unit)) throw new Error(`${what} misses the unit ${unit}, which differs`)
    if (isTold && !may(unit)) throw new Error(`${what} names the unit ${unit}, which cannot differ`)
  })
}

export const checkDiff = async (
  pool: Pool,
  volume: string,
  base: ModelSnapshot,
  snapshot: ModelSnapshot,
): Promise<void> => {
  const reader = await pool.openSnapshot(volume, snapshot.name)
  try {
    const told = unitsOf(await gathered(reader.changedSince(base.name)), snapshot)
    const differs = (unit: number) => differsFrom(base, snapshot, unit)
    const may = pool.kind === 'copy' ? differs : (unit: number) => wasTouched(base, snapshot, unit)
    checkUnits(`the diff from ${base.name} to ${snapshot.name}`, told, differs, may)
  } finally {
    reader.close()
  }
}

const checkSnapshot = async (pool: Pool, volume: string, snapshot: ModelSnapshot): Promise<void> => {
  const reader = await pool.openSnapshot(volume, snapshot.name)
  try {
    const content = await readWhole(reader.path, snapshot.content.length)
    if (!content.equals(snapshot.content))
      throw new Error(`snapshot ${snapshot.name} does not read as it was taken`)
    const told = unitsOf(await gathered(reader.allocated()), snapshot)
    const isData = (unit: number) => differsFrom(nothing, snapshot, unit)
    checkUnits(`what is allocated in ${snapshot.name}`, told, isData, (unit) =>
      wasTouched(nothing, snapshot, unit),
    )
  } finally {
    reader.close()
  }
}

/** A layer for each snapshot and the head, and nothing else. */
const checkFolder = async (pool: Pool, volume: string): Promise<void> => {
  const { head, snapshots, pending } = await recordOf(pool, volume)
  const found = (await readdir(folderOf(pool, volume)))
    .filter((name) => name !== 'volume.json.tmp')
    .toSorted()
  const wanted = ['volume.json', head.id, ...snapshots.map(({ id }) => id)].toSorted()
  if (isDeepStrictEqual(found, wanted) && pending === null) return
  throw new Error(
    `the volume's folder has ${found.join()} instead of ${wanted.join()}, pending ${pending?.kind}`,
  )
}

const nth = <T>(items: readonly T[], position: number): T | undefined => items[position % items.length]

const pairsOf = (
  snapshots: readonly ModelSnapshot[],
  drawn: readonly number[],
): [ModelSnapshot, ModelSnapshot][] => {
  const families = snapshots.flatMap((child) =>
    snapshots
      .filter(({ name }) => name === child.parent)
      .map((parent): [ModelSnapshot, ModelSnapshot] => [parent, child]),
  )
  const others = drawn.flatMap((number): [ModelSnapshot, ModelSnapshot][] => {
    const [one, other] = [nth(snapshots, number), nth(snapshots, Math.floor(number / 1000))]
    return one && other ? [[one, other]] : []
  })
  return [...families, ...others]
}

export const requireSame = (found: Summary, model: VolumeModel | undefined): void => {
  const wanted = summaryOf(model)
  if (isDeepStrictEqual(found, wanted)) return
  throw new Error(`the volume is ${JSON.stringify(found)} instead of ${JSON.stringify(wanted)}`)
}

export const checkSummary = async (
  pool: Pool,
  volume: string,
  model: VolumeModel | undefined,
): Promise<void> => requireSame(await observe(pool, volume), model)

/** How many diffs it compared. */
export const auditVolume = async (
  pool: Pool,
  volume: string,
  { model, pairs }: { model: VolumeModel; pairs: readonly number[] },
): Promise<number> => {
  await checkSummary(pool, volume, model)
  await checkFolder(pool, volume)
  const { content } = model.head
  if (!(await readHead(pool, volume, content.length)).equals(content))
    throw new Error('the volume does not read as it was written')
  for (const snapshot of model.snapshots) await checkSnapshot(pool, volume, snapshot)
  const compared = pairsOf(model.snapshots, pairs)
  for (const [base, snapshot] of compared) await checkDiff(pool, volume, base, snapshot)
  return compared.length
}

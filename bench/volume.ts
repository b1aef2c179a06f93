/**
 * @module volume: measures volumes on a node: input and output beside the bare file system, snapshots, changed blocks.
 *
 *   npm run bench:volume -- --pools btrfs,xfs --seconds 8 --json result.json
 *
 * Needs root, fio, btrfs-progs and xfsprogs. Each pool is a file system in an image file (sparse) in TMPDIR, loop-mounted.
 */
import { writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { formatBytes, GiB, MiB } from '#lib/base/sizes.ts'
import { initPool, openPool, type Pool } from '#lib/volume/pool.ts'
import type { PoolKind } from '#lib/volume/pool-driver.ts'
import { makePoolFileSystem, noPools } from '#test/pool-file-system.ts'
import { measureInputOutput, type InputOutputRow } from './volume/input-output.ts'
import { measureDiff, measureSnapshot, type DiffRow, type SnapshotRow } from './volume/snapshots.ts'

const help = `npm run bench:volume -- [options]
  --pools <kinds>    btrfs,xfs
  --seconds <n>      for each of the measurements of input and output (8)
  --json <file>      results for programs
Needs root, fio, btrfs-progs, xfsprogs, and 4 GiB of free space in TMPDIR.`

const { values } = parseArgs({
  options: {
    pools: { type: 'string', default: 'btrfs,xfs' },
    seconds: { type: 'string', default: '8' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const ioBytes = 512 * MiB
const poolBytes = 300 * GiB
const manyExtents = 10_000
const snapshotSizes = [1 * GiB, 10 * GiB, 100 * GiB]
const diffs = [
  { sizeBytes: 1 * GiB, extents: manyExtents, changed: 100 },
  { sizeBytes: 10 * GiB, extents: manyExtents, changed: 100 },
  { sizeBytes: 100 * GiB, extents: manyExtents, changed: 100 },
  { sizeBytes: 10 * GiB, extents: manyExtents, changed: 1000 },
  { sizeBytes: 10 * GiB, extents: manyExtents, changed: 10_000 },
]

interface Results {
  pool: PoolKind
  inputOutput: InputOutputRow[]
  snapshots: SnapshotRow[]
  diffs: DiffRow[]
}

const inPool = async <T>(kind: PoolKind, work: (pool: Pool) => Promise<T>): Promise<T> => {
  const fileSystem = makePoolFileSystem(kind, poolBytes)
  try {
    await initPool({ folder: fileSystem.folder, kind, storageMinimalAvailablePercentage: 0 })
    const pool = await openPool({ folder: fileSystem.folder })
    try {
      return await work(pool)
    } finally {
      await pool.close()
    }
  } finally {
    fileSystem.close()
  }
}

const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

const measure = (kind: PoolKind, seconds: number): Promise<Results> =>
  inPool(kind, async (pool) => {
    say(`${kind}: input and output`)
    const inputOutput = await measureInputOutput(pool, { sizeBytes: ioBytes, seconds })
    const snapshots: SnapshotRow[] = []
    for (const sizeBytes of snapshotSizes) {
      say(`${kind}: snapshots of ${formatBytes(sizeBytes)}`)
      snapshots.push(await measureSnapshot(pool, { sizeBytes, extents: manyExtents }))
    }
    const measured: DiffRow[] = []
    for (const diff of diffs) {
      say(`${kind}: ${diff.changed} changes in ${formatBytes(diff.sizeBytes)}`)
      measured.push(await measureDiff(pool, diff))
    }
    return { pool: kind, inputOutput, snapshots, diffs: measured }
  })

const tableOf = (head: string[], rows: (string | number)[][]): string => {
  const table = new Table({ head, style: { head: [], border: [] } })
  table.push(...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? Math.round(cell) : cell))))
  return table.toString()
}

const report = (all: readonly Results[]): string =>
  [
    tableOf(
      ['pool', 'where', '4 KiB random write IOPS', 'read IOPS', '1 MiB write MiB/s', 'read MiB/s'],
      all.flatMap(({ pool, inputOutput }) =>
        inputOutput.map((row) => [
          pool,
          row.where,
          row.randomWriteIops,
          row.randomReadIops,
          row.writeMiBs,
          row.readMiBs,
        ]),
      ),
    ),
    tableOf(
      ['pool', 'size', 'extents', 'first snapshot ms', 'next ms', 'longest write ms'],
      all.flatMap(({ pool, snapshots }) =>
        snapshots.map((row) => [
          pool,
          formatBytes(row.sizeBytes),
          row.extents,
          row.firstMs,
          row.secondMs,
          row.longestWriteMs,
        ]),
      ),
    ),
    tableOf(
      ['pool', 'size', 'extents', 'changed extents', 'diff ms'],
      all.flatMap(({ pool, diffs: rows }) =>
        rows.map((row) => [pool, formatBytes(row.sizeBytes), row.extents, row.changedExtents, row.ms]),
      ),
    ),
  ].join('\n\n')

const main = async (): Promise<void> => {
  if (values.help) {
    process.stdout.write(`${help}\n`)
    return
  }
  const reason = noPools()
  if (reason !== undefined) throw new Error(`volumes cannot be measured here: ${reason}`)
  const before = loadavg()[0] ?? 0
  const all: Results[] = []
  for (const kind of ['btrfs', 'xfs'] as const)
    if (values.pools.split(',').includes(kind)) all.push(await measure(kind, Number(values.seconds)))
  process.stdout.write(`${report(all)}\n\nload average ${before.toFixed(1)} before\n`)
  if (values.json !== undefined) await writeFile(values.json, JSON.stringify(all, undefined, 2))
}

await main()

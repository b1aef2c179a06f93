/**
 * Databases that commit rows with known numbers, and fio, write to a volume while it is snapshotted and backed up: each backup,
 * restored, has every row that was committed before its snapshot.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '#lib/base/clock.ts'
import { randomIds } from '#lib/base/ids.ts'
import { silentLog } from '#lib/base/log.ts'
import { MiB } from '#lib/base/sizes.ts'
import { backUpVolume, type BackUpVolumeDeps } from '#lib/backup/back-up-volume.ts'
import { blockWorkers } from '#lib/backup/block-workers.ts'
import { folderObjectStore } from '#lib/object-store/folder-object-store.ts'
import { noPools } from '../pool-file-system.ts'
import { cleanups } from './cleanups.ts'
import { loadVolume, volumeName, type LoadedVolume, type Loading } from './loaded-volume.ts'
import { checkRestored, noDatabases } from './restored-volume.ts'

const reason = noPools() ?? noDatabases()
if (reason !== undefined) console.log(`volumes under load are not tested: ${reason}`)

interface Plan extends Loading {
  snapshots: number
}

const ext4 = { inner: 'ext4', sizeBytes: 256 * MiB, cannotFreeze: false } as const
/** mkfs.xfs refuses less than 300 MiB. */
const xfs = { inner: 'xfs', sizeBytes: 320 * MiB, cannotFreeze: false } as const

const plans: readonly Plan[] = [
  { kind: 'btrfs', ...ext4, snapshots: 25 },
  { kind: 'btrfs', ...ext4, cannotFreeze: true, snapshots: 20 },
  { kind: 'btrfs', ...xfs, snapshots: 15 },
  { kind: 'xfs', ...ext4, snapshots: 12 },
  { kind: 'xfs', ...ext4, cannotFreeze: true, snapshots: 8 },
  { kind: 'xfs', ...xfs, cannotFreeze: true, snapshots: 10 },
  { kind: 'copy', ...ext4, sizeBytes: 192 * MiB, snapshots: 10 },
]

const describePlan = ({ kind, inner, cannotFreeze }: Plan): string =>
  `${inner} on ${kind}${cannotFreeze ? ', never frozen' : ''}`

/** The databases' rows are checked each time; PostgreSQL takes a second to start. */
const postgresEvery = 3
/** Lets the writers' reports in, and something be written between two snapshots. */
const pauseMs = 250

const committedBy = ({ writers }: LoadedVolume) => ({
  wal: writers.wal.last(),
  delete: writers.delete.last(),
  postgres: writers.postgres.last(),
})

const newFacts = () => ({ rows: 0, replays: 0, sentBytes: 0, slowestSnapshotMs: 0, slowestStartMs: 0 })
type Facts = ReturnType<typeof newFacts>

const describeFacts = (plan: Plan, { writers }: LoadedVolume, facts: Facts): string => {
  const stallMs = Math.max(writers.wal.longestMs(), writers.delete.longestMs())
  return [
    `${describePlan(plan)}: ${plan.snapshots} snapshots`,
    `${writers.wal.last()} + ${writers.delete.last()} (SQLite) + ${writers.postgres.last()} (PostgreSQL) rows committed`,
    `${facts.rows} rows checked, ${facts.replays} journals replayed (of ext4; XFS does not tell)`,
    `${Math.round(facts.sentBytes / MiB)} MiB sent`,
    `slowest snapshot ${Math.round(facts.slowestSnapshotMs)} ms, longest commit ${stallMs} ms`,
    `slowest start of PostgreSQL ${Math.round(facts.slowestStartMs)} ms`,
  ].join(', ')
}

interface Run {
  plan: Plan
  folder: string
  loaded: LoadedVolume
  deps: BackUpVolumeDeps
  facts: Facts
}

/** The snapshot, and what was committed before it was asked for. */
const takeSnapshot = async ({ plan, loaded, facts }: Run) => {
  await setTimeout(pauseMs)
  const committed = committedBy(loaded)
  const began = performance.now()
  const snapshot = await loaded.pool.createSnapshot(volumeName, { isUserCreated: false })
  facts.slowestSnapshotMs = Math.max(facts.slowestSnapshotMs, performance.now() - began)
  expect(snapshot.consistency).toBe(plan.cannotFreeze ? 'crash' : 'filesystem')
  return { committed, snapshotName: snapshot.name }
}

const snapshotAndRestore = async (run: Run, count: number): Promise<void> => {
  const { plan, folder, loaded, deps, facts } = run
  const { committed, snapshotName } = await takeSnapshot(run)
  const names = { poolVolumeName: volumeName, volumeName, target: 'file:///backups/' }
  const backup = await backUpVolume(deps)({ ...names, labels: {}, snapshotName })
  expect(backup.comparedBy).toBe(count === 1 ? 'content' : 'snapshots')
  facts.sentBytes += backup.newBytes

  const { store, workers } = deps
  const restored = { inner: plan.inner, folder, store, workers, backupName: backup.backupName }
  const found = await checkRestored(restored, committed, count % postgresEvery === 0)
  facts.rows += found.rows
  facts.replays += found.hasReplayed ? 1 : 0
  facts.slowestStartMs = Math.max(facts.slowestStartMs, found.postgresStartMs)
  // The base of the next backup, and nothing older.
  expect(await loaded.pool.listSnapshots(volumeName)).toMatchObject([{ name: snapshotName }])
}

describe.skipIf(reason !== undefined)('a volume under load', () => {
  const made = cleanups()
  const workers = blockWorkers()
  const began = performance.now()
  const taken = { btrfs: 0, xfs: 0, copy: 0 }
  let work = ''

  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), 'drover-load-'))
    chmodSync(work, 0o755)
    made.add(() => rmSync(work, { recursive: true }))
    made.add(() => workers.close())
  })

  afterAll(() => made.run())

  it.each(plans.map((plan) => ({ plan, name: describePlan(plan) })))('restores: $name', async ({ plan }) => {
    const ours = cleanups()
    onTestFinished(() => ours.run())
    const folder = mkdtempSync(join(work, `${plan.kind}-`))
    ours.add(() => rmSync(folder, { recursive: true }))
    chmodSync(folder, 0o755)
    const loaded = await loadVolume(plan, folder, ours)
    mkdirSync(join(folder, 'backups'))
    const store = folderObjectStore({ folder: join(folder, 'backups') })
    const { pool } = loaded
    const deps = { pool, store, workers, clock: systemClock, ids: randomIds, log: silentLog }
    const facts = newFacts()

    for (let count = 1; count <= plan.snapshots; count++) {
      await snapshotAndRestore({ plan, folder, loaded, deps, facts }, count)
      taken[plan.kind]++
    }
    if (plan.cannotFreeze && plan.inner === 'ext4') expect(facts.replays).toBe(plan.snapshots)
    // A writer that found a fault, or ended by itself, tells now.
    await ours.run()
    console.log(describeFacts(plan, loaded, facts))
  })

  it('did so a hundred times in less than 15 minutes', () => {
    const minutes = (performance.now() - began) / 60_000
    console.log(`100 snapshots under load took ${minutes.toFixed(1)} minutes`)
    expect(taken).toEqual({ btrfs: 60, xfs: 30, copy: 10 })
    expect(minutes).toBeLessThan(15)
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import { catalog, type Catalog } from '#lib/catalog/catalog.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Backup } from '#lib/catalog/entities.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import type { Operation } from '#lib/operation/operation.ts'
import { queuedOperation } from '#test/queued-operation.ts'
import { jobCollection, type JobCollection } from './job-collection.ts'
import { retain } from './retain.ts'

const made: Operation<'create-backup'> = {
  ...queuedOperation,
  id: '20260105T020000Z_daily_primary_web',
  kind: 'create-backup',
  parameters: {
    target: 'nas',
    backupVolume: 'web',
    backup: 'b5',
    lock: 'lock-5',
    labels: {},
    isFull: false,
    onlyIfWritten: true,
  },
  cause: { kind: 'job', job: 'daily', minute: '2026-01-05T02:00:00.000Z' },
  state: 'succeeded',
  endedAt: '2026-01-05T02:01:00Z',
}

describe('what a job keeps', () => {
  let things: Catalog
  let jobs: JobCollection
  let sent = 0

  beforeEach(async () => {
    const store = memoryItemStore()
    things = catalog(store)
    jobs = jobCollection(store)
    sent = 0
    await jobs.create({
      name: 'daily',
      task: 'backup',
      cron: '0 2 * * *',
      retain: 2,
      labels: {},
      groups: [],
      isEnabled: true,
    })
    for (let day = 1; day <= 5; day++) await addBackup(`b${day}`, day, { RecurringJob: 'daily' })
    await addBackup('by-hand', 1, {})
  })
  const addBackup = (name: string, day: number, labels: Record<string, string>, more: Partial<Backup> = {}) =>
    things.backups.create({
      target: 'nas',
      volume: 'web',
      name,
      snapshotName: `snap-${day}`,
      snapshotCreatedAt: `2026-01-0${day}T02:00:00Z`,
      createdAt: `2026-01-0${day}T02:00:30Z`,
      sizeBytes: 0,
      newlyUploadedBytes: 0,
      labels,
      isIncremental: true,
      obstacle: null,
      ...more,
    })
  const deletedBy = async (operation: Operation) => (await run(operation)).map(({ parameters }) => parameters)
  const run = (operation: Operation, now = '2026-01-05T02:01:00Z') =>
    retain({
      catalog: things,
      jobs,
      clock: { now: () => new Date(now) },
      queueOf: () => ({
        send: async () => {
          sent++
        },
      }),
    })(operation)

  it("is its newest backups; the others' deletion is issued, once", async () => {
    const deletions = await run(made)
    const deleted = deletions.map(({ kind, node, parameters }) => [kind, node, parameters])
    expect(deleted).toEqual(
      ['b3', 'b2', 'b1'].map((backup) => [
        'delete-backup',
        'node-1',
        {
          target: 'nas',
          backupVolume: 'web',
          backup,
          lock: expect.stringMatching(/^lock-[0-9a-f]{16}$/),
          ...(backup !== 'b1' && { collects: false }),
        },
      ]),
    )
    expect(await run(made)).toEqual(deletions)
    expect(sent).toBe(6)
  })

  it('is collected with the last of many deletions, once a day', async () => {
    const waiting = async (id: string, now: string) =>
      (await run({ ...made, id }, now)).map(({ parameters }) => 'collects' in parameters)
    expect(await waiting('first', '2026-01-05T02:01:00Z')).toEqual([true, true, false])
    expect(await waiting('second', '2026-01-06T01:00:00Z')).toEqual([true, true, true])
    expect(await waiting('third', '2026-01-06T02:02:00Z')).toEqual([true, true, false])
  })

  it('is not collected again where much was done since', async () => {
    await run({ ...made, id: 'first' }, '2026-01-05T02:01:00Z')
    for (let number = 10; number < 40; number++)
      await things.operations.create({ ...made, id: `later-${number}`, createdAt: '2026-01-05T09:00:00Z' })
    const deletions = await run({ ...made, id: 'second' }, '2026-01-05T10:00:00Z')
    expect(deletions.map(({ parameters }) => 'collects' in parameters)).toEqual([true, true, true])
  })

  it('is its newest snapshots', async () => {
    for (const day of [1, 2, 3]) {
      await things.snapshots.create({
        cluster: 'primary',
        volume: 'web',
        name: `daily-${day}`,
        parent: null,
        createdAt: `2026-01-0${day}T02:00:00Z`,
        isUserCreated: true,
        labels: { RecurringJob: 'daily' },
        sizeBytes: 0,
        consistency: 'filesystem',
      })
    }
    const parameters = { snapshot: 'daily-3', labels: {}, onlyIfWritten: true }
    const deletions = await run({ ...made, kind: 'create-snapshot', parameters })
    expect(deletions.map((each) => [each.kind, each.parameters])).toEqual([
      ['delete-snapshot', { snapshot: 'daily-1' }],
    ])
  })

  it('is its newest backups by their snapshots, where a clock that was put back made them seem older', async () => {
    const labels = { RecurringJob: 'daily' }
    await addBackup('b6', 6, labels, { createdAt: '2025-01-01T00:00:00Z' })
    const names = (await deletedBy(made)).map((parameters) => 'backup' in parameters && parameters.backup)
    expect(names).toEqual(['b4', 'b3', 'b2', 'b1'])
  })

  it('is as many that can be restored; those that cannot are left where they are', async () => {
    for (const name of ['b4', 'b3'])
      await things.backups.change(catalogKeys.backup('nas', 'web', name), (there) =>
        there ? { ...there, obstacle: 'its config cannot be read' } : undefined,
      )
    const names = (await deletedBy(made)).map((parameters) => 'backup' in parameters && parameters.backup)
    expect(names).toEqual(['b1'])
  })

  it('is never without the snapshot just made, where the clock was put back', async () => {
    for (const [name, createdAt] of [
      ['daily-1', '2026-01-01T02:00:00Z'],
      ['daily-2', '2026-01-02T02:00:00Z'],
      ['daily-3', '2025-06-01T02:00:00Z'],
    ] as const)
      await things.snapshots.create({
        cluster: 'primary',
        volume: 'web',
        name,
        parent: null,
        createdAt,
        isUserCreated: true,
        labels: { RecurringJob: 'daily' },
        sizeBytes: 0,
        consistency: 'filesystem',
      })
    const parameters = { snapshot: 'daily-3', labels: {}, onlyIfWritten: true }
    expect(await deletedBy({ ...made, kind: 'create-snapshot', parameters })).toEqual([])
  })

  it('is everything, when nothing was made, a user asked, or the job is gone', async () => {
    expect(await run({ ...made, state: 'failed' })).toEqual([])
    expect(await run({ ...made, result: { outcome: 'nothing-new' } })).toEqual([])
    expect(await run({ ...made, cause: { kind: 'request', by: 'ada' } })).toEqual([])
    expect(await run({ ...made, cause: { kind: 'job', job: 'none', minute: '' } })).toEqual([])
    expect(sent).toBe(0)
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import { catalog, type Catalog } from '#lib/catalog/catalog.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import type { Volume } from '#lib/catalog/entities.ts'
import type { Operation } from '#lib/operation/operation.ts'
import { queuedOperation } from '#test/queued-operation.ts'
import { storedVolume } from '#test/stored-volume.ts'
import { jobCollection, type JobCollection } from './job-collection.ts'
import { lastDueBefore, overdueVolumes } from './overdue-volumes.ts'
import type { RecurringJob } from './recurring-job.ts'

const nightly: RecurringJob = {
  name: 'nightly',
  task: 'backup',
  cron: '0 2 * * *',
  retain: 2,
  labels: {},
  groups: ['default'],
  isEnabled: true,
}

describe('volumes whose backup is overdue', () => {
  let things: Catalog
  let jobs: JobCollection
  beforeEach(async () => {
    const store = memoryItemStore()
    things = catalog(store)
    jobs = jobCollection(store)
    await jobs.create(nightly)
    const minute = '2026-01-02T02:00:00.000Z'
    await things.runs.create({
      job: 'nightly',
      minute,
      startedAt: minute,
      endedAt: minute,
      outcomes: [],
      omitted: 0,
    })
    await things.volumes.create({ ...storedVolume, state: 'attached', target: 'nas', backupVolume: 'web' })
  })
  const changeVolume = (more: Partial<Volume>) =>
    things.volumes.change(
      { partition: 'volume', sort: 'primary#web' },
      (there) => there && { ...there, ...more },
    )
  const backUp = (more: Partial<Operation>) =>
    things.operations.create({
      ...queuedOperation,
      kind: 'create-backup',
      parameters: {
        target: 'nas',
        backupVolume: 'web',
        backup: 'b1',
        lock: 'lock-1',
        labels: {},
        isFull: false,
        onlyIfWritten: true,
      },
      state: 'succeeded',
      ...more,
    })
  const overdueAt = async (now: string) =>
    (await overdueVolumes({ catalog: things, jobs, clock: { now: () => new Date(now) } })()).map(
      ({ cluster, volume, job, dueAt }) => `${cluster}/${volume} ${job} ${dueAt}`,
    )
  const late = ['primary/web nightly 2026-01-03T02:00:00.000Z']

  it('are those without a backup an hour after it was due', async () => {
    await backUp({ createdAt: '2026-01-02T02:00:05Z' })
    expect(await overdueAt('2026-01-03T02:59:00Z')).toEqual([])
    expect(await overdueAt('2026-01-03T03:00:00Z')).toEqual(late)
  })

  it('are none where one was made since, or found nothing new, or is under way', async () => {
    await backUp({ createdAt: '2026-01-03T02:00:05Z', result: { outcome: 'nothing-new' } })
    expect(await overdueAt('2026-01-03T12:00:00Z')).toEqual([])
    await backUp({ id: 'op-2', state: 'running', createdAt: '2026-01-04T02:00:05Z' })
    expect(await overdueAt('2026-01-05T01:00:00Z')).toEqual([])
  })

  it('are none where much else was done after the backup', async () => {
    await backUp({ id: 'op-1', createdAt: '2026-01-03T02:00:05Z' })
    for (let number = 10; number < 40; number++)
      await backUp({ id: `op-${number}`, state: 'failed', createdAt: '2026-01-03T02:10:00Z' })
    expect(await overdueAt('2026-01-03T12:00:00Z')).toEqual([])
  })

  it('are those whose backup failed, or that nobody takes on', async () => {
    for (const state of ['failed', 'cancelled', 'queued'] as const)
      await backUp({ id: `op-${state}`, state, createdAt: '2026-01-03T02:00:05Z' })
    expect(await overdueAt('2026-01-03T03:30:00Z')).toEqual(late)
  })

  it('are none that rest, have no target, take no part, or are younger; missing ones are', async () => {
    const now = '2026-01-03T03:30:00Z'
    expect(await overdueAt(now)).toEqual(late)
    for (const more of [
      { state: 'detached' },
      { target: null },
      { groups: ['other'] },
      { createdAt: '2026-01-03T02:30:00Z' },
    ] as const) {
      const before = {
        state: 'attached',
        target: 'nas',
        groups: [],
        createdAt: storedVolume.createdAt,
      } as const
      await changeVolume({ ...before, ...more, groups: [...('groups' in more ? more.groups : [])] })
      expect(await overdueAt(now)).toEqual([])
      await changeVolume({ ...before, groups: [] })
    }
    await changeVolume({ state: 'missing' })
    expect(await overdueAt(now)).toEqual(late)
  })

  it('are none of a job that never ran before then, or is switched off', async () => {
    expect(await overdueAt('2026-01-02T02:30:00Z')).toEqual([])
    await jobs.change(
      { partition: 'job', sort: 'nightly' },
      (there) => there && { ...there, isEnabled: false },
    )
    expect(await overdueAt('2026-01-03T03:30:00Z')).toEqual([])
  })

  it.each([
    ['* * * * *', '2026-03-01T00:00:30Z', '2026-03-01T00:00:00.000Z'],
    ['0 0 29 2 *', '2027-01-01T00:00:00Z', undefined],
    ['30 4 1 1 *', '2026-12-31T00:00:00Z', '2026-01-01T04:30:00.000Z'],
    ['15 3 * * mon', '2026-11-22T00:00:00Z', '2026-11-16T03:15:00.000Z'],
  ])('of %s, by %s: %s', (cron, until, due) => {
    expect(lastDueBefore(cron, new Date(until))?.toISOString()).toBe(due)
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { catalog, type Catalog } from '#lib/catalog/catalog.ts'
import type { Volume } from '#lib/catalog/entities.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import { jobCollection, type JobCollection } from './job-collection.ts'
import type { RecurringJob } from './recurring-job.ts'
import { runJobNow, runRecurringJob } from './run-recurring-job.ts'

const job: RecurringJob = {
  name: 'daily',
  task: 'backup',
  cron: '0 2 * * *',
  retain: 2,
  labels: { team: 'shop' },
  groups: ['default'],
  isEnabled: true,
}

const volume: Volume = {
  cluster: 'primary',
  name: 'web',
  node: 'node-1',
  generation: 3,
  sizeBytes: 2 ** 30,
  actualSizeBytes: 0,
  state: 'attached',
  path: '/dev/loop1',
  jobs: [],
  groups: [],
  target: 'nas',
  backupVolume: 'web',
  createdAt: '2026-01-01T00:00:00Z',
}

const tick = { rule: 'daily', minute: '2026-01-02T02:00:00.000Z' }
const id = '20260102T020000Z_daily_primary_web'

describe('a run of a job', () => {
  let things: Catalog
  let jobs: JobCollection
  let sent: string[]
  let refusals = 0

  beforeEach(async () => {
    const store = memoryItemStore()
    things = catalog(store)
    jobs = jobCollection(store)
    sent = []
    refusals = 0
    await jobs.create(job)
    await things.volumes.create(volume)
  })
  const deps = () => ({
    catalog: things,
    jobs,
    clock: { now: () => new Date('2026-01-02T02:00:01Z') },
    queueOf: () => ({
      send: async ({ deduplicationId }: { deduplicationId: string }) => {
        if (refusals-- > 0) throw new Error('queue is down')
        sent.push(deduplicationId)
      },
    }),
  })
  const run = (at = tick) => runRecurringJob(deps())(at)
  const add = (more: Partial<Volume>) => things.volumes.create({ ...volume, ...more })
  const outcomes = async (at = tick) =>
    (await run(at))?.outcomes.map((each) => `${each.volume} ${each.outcome} ${each.reason ?? ''}`.trim())

  it('has no limit of volumes: what its row has no room for, it counts', async () => {
    for (let number = 0; number < 2500; number++) await add({ name: `pvc-${'0'.repeat(40)}${number}` })
    const first = await run()
    expect(first).toMatchObject({ endedAt: expect.any(String), omitted: expect.any(Number) })
    expect(first?.omitted).toBeGreaterThan(0)
    expect(sent).toHaveLength(2501)
    expect(await run()).toEqual(first)
    expect(new Set(sent)).toHaveLength(2501)
  })

  it('makes a backup of each volume that takes part, labelled as the job says', async () => {
    await add({ name: 'db', jobs: ['daily'] })
    await add({ name: 'other', jobs: ['hourly'] })
    expect(await outcomes()).toEqual(['db operation', 'web operation'])
    const operation = await things.operations.get(catalogKeys.operation(id))
    expect(operation).toMatchObject({
      kind: 'create-backup',
      node: 'node-1',
      generation: 3,
      cause: { kind: 'job', job: 'daily', minute: tick.minute },
      parameters: {
        target: 'nas',
        backupVolume: 'web',
        labels: { team: 'shop', RecurringJob: 'daily' },
        onlyIfWritten: true,
      },
    })
  })

  it('is the same run when the tick comes twice', async () => {
    const first = await run()
    const second = await run()
    expect(second?.outcomes).toEqual(first?.outcomes)
    expect(sent).toEqual([`${id}.1`])
  })

  it('is finished by a second tick when the first died half way', async () => {
    await add({ name: 'db' })
    refusals = 1
    await expect(run()).rejects.toThrow('queue is down')
    expect(await outcomes()).toHaveLength(2)
    expect(new Set(sent)).toEqual(new Set([`${id}.1`, '20260102T020000Z_daily_primary_db.1']))
  })

  it('goes on with the others when one fails, says so, and has that one again with the next tick', async () => {
    await add({ name: 'db' })
    refusals = 1
    await expect(run()).rejects.toThrow('queue is down')
    const first = await things.runs.get(catalogKeys.run('daily', tick.minute))
    expect(first?.outcomes.map(({ volume: name, outcome }) => `${name} ${outcome}`).toSorted()).toEqual([
      'db failed',
      'web operation',
    ])
    expect(await outcomes()).toEqual(['db operation', 'web operation'])
  })

  it('leaves out, and says why, what is still at work, not attached, or has no target', async () => {
    await run()
    await add({ name: 'cold', state: 'detached' })
    await add({ name: 'new', target: null })
    const next = { ...tick, minute: '2026-01-03T02:00:00.000Z' }
    expect((await outcomes(next))?.toSorted()).toEqual([
      'cold skipped it is detached, not attached',
      'new skipped it has no backup target',
      `web skipped operation ${id} is under way`,
    ])
    expect(sent).toEqual([`${id}.1`])
  })

  it('of a snapshot job makes snapshots, and needs no target', async () => {
    await jobs.change(catalogKeys.job('daily'), () => ({ ...job, task: 'snapshot' }))
    await things.volumes.change(catalogKeys.volume('primary', 'web'), () => ({ ...volume, target: null }))
    expect(await outcomes()).toEqual(['web operation'])
    const operation = await things.operations.get(catalogKeys.operation(id))
    expect(operation).toMatchObject({
      kind: 'create-snapshot',
      parameters: { snapshot: expect.stringMatching(/^daily-c-[0-9a-f]{16}$/) },
    })
  })

  it('is none in a minute that is not due, and one in a late tick of a minute that was', async () => {
    await jobs.change(catalogKeys.job('daily'), () => ({ ...job, cron: '0 2 13 * 5' }))
    const minutes = ['01-02T02:00', '01-03T02:00', '01-02T02:01', '01-13T02:00', '01-13T01:59'].map(
      (minute) => `2026-${minute}:00.000Z`,
    )
    const runs = await Promise.all(minutes.map((minute) => run({ ...tick, minute })))
    expect(runs.map((each) => each?.minute)).toEqual([
      minutes[0],
      undefined,
      undefined,
      minutes[3],
      undefined,
    ])
  })

  it('is made at any time when somebody asks for it', async () => {
    const asked = await runJobNow(deps())('daily', '2026-01-02T02:00:01.000Z')
    expect(asked).toMatchObject({ minute: '2026-01-02T02:00:01.000Z', outcomes: [{ outcome: 'operation' }] })
  })

  it('is none when there is no such job, or it is switched off', async () => {
    expect(await run({ ...tick, rule: 'none' })).toBe(undefined)
    await jobs.change(catalogKeys.job('daily'), () => ({ ...job, isEnabled: false }))
    expect(await run()).toBe(undefined)
    expect(await runJobNow(deps())('daily', tick.minute)).toBe(undefined)
    expect(sent).toEqual([])
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import { gathered } from '#lib/base/gathered.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { ScheduleError } from '#lib/schedule/schedule-error.ts'
import type { ScheduleRules } from '#lib/schedule/schedule-rules.ts'
import { apiWorld, type ApiWorld } from '#test/api-world.ts'

describe('recurring jobs over the API', () => {
  let world: ApiWorld
  beforeEach(async () => {
    world = await apiWorld()
  })
  const jobs = () => world.client('operator').jobs
  const daily = { task: 'backup' as const, cron: '0 2 * * *', retain: 3, groups: ['default'] }
  const refusedUnchanged = async (asked: () => Promise<unknown>, problem: object) => {
    const before = await world.snapshotOfAll()
    await expect(asked()).rejects.toMatchObject(problem)
    expect(await world.snapshotOfAll()).toBe(before)
  }

  it('become rules, change them, and take them away', async () => {
    const made = await jobs().put('daily', daily)
    expect(made).toEqual({ ...daily, name: 'daily', labels: {}, isEnabled: true })
    expect(await world.deps.rules.list()).toEqual([{ name: 'daily', cron: '0 2 * * *', isEnabled: true }])
    await jobs().put('daily', { ...daily, cron: '*/5 * * * *', isEnabled: false })
    expect(await world.deps.rules.list()).toEqual([{ name: 'daily', cron: '*/5 * * * *', isEnabled: false }])
    expect(await jobs().show('daily')).toMatchObject({ cron: '*/5 * * * *' })
    expect(await gathered(jobs().list())).toHaveLength(1)
    await jobs().remove('daily')
    expect(await world.deps.rules.list()).toEqual([])
    expect(await gathered(jobs().list())).toEqual([])
  })

  it.each([
    ['cron', '* * * *'],
    ['cron', '61 * * * *'],
    ['cron', '0 0 31 2 *'],
    ['retain', 0],
    ['retain', 101],
    ['task', 'restore'],
    ['groups', ['no group']],
    ['labels', { much: 'x'.repeat(17_000) }],
  ])('refuses %s: %j', async (field, value) => {
    await refusedUnchanged(() => jobs().put('daily', { ...daily, [field]: value }), {
      status: 400,
      fields: [expect.objectContaining({ field: expect.stringMatching(new RegExp(`^${field}`)) })],
    })
  })

  it('that get no rule are as they were before', async () => {
    const refused = new ScheduleError('too-many-rules', 'rule daily was not made', { hint: 'delete rules' })
    let isFull = true
    const rules: ScheduleRules = {
      put: async () => {
        if (isFull) throw refused
      },
      remove: async () => {},
      list: async () => [],
    }
    world = await apiWorld({ rules })
    await refusedUnchanged(() => jobs().put('daily', daily), {
      status: 409,
      code: 'too-many-rules',
      message: 'job daily was not made: rule daily was not made',
      hint: 'delete rules',
    })
    isFull = false
    await jobs().put('daily', daily)
    isFull = true
    await expect(jobs().put('daily', { ...daily, cron: '*/5 * * * *' })).rejects.toMatchObject({
      message: 'job daily was not changed, and stays as it was: rule daily was not made',
    })
    expect(await jobs().show('daily')).toMatchObject(daily)
  })

  it('runs one now, and tells what was made of each volume', async () => {
    await jobs().put('daily', daily)
    const run = await jobs().run('daily')
    expect(run).toMatchObject({
      job: 'daily',
      minute: '2026-01-01T00:00:10.000Z',
      outcomes: [{ cluster: 'primary', volume: 'web', outcome: 'operation' }],
    })
    expect(world.commands('node-1')).toMatchObject([
      { kind: 'create-backup', operationId: run.outcomes[0]?.operationId, parameters: { target: 'nas' } },
    ])
    world.clock.advance(1000)
    expect(await jobs().run('daily')).toMatchObject({
      outcomes: [{ outcome: 'skipped', reason: expect.stringContaining('is under way') }],
    })
    const runs = await gathered(jobs().runs('daily'))
    expect(runs.map(({ minute }) => minute)).toEqual(['2026-01-01T00:00:11.000Z', '2026-01-01T00:00:10.000Z'])
  })

  it('runs one once that is asked for again by the same key', async () => {
    await jobs().put('daily', daily)
    const asked = { idempotencyKey: 'a-key' }
    const first = await jobs().run('daily', asked)
    world.clock.advance(1000)
    expect((await jobs().run('daily', asked)).outcomes).toEqual(first.outcomes)
    expect(await gathered(jobs().runs('daily'))).toHaveLength(1)
    await jobs().put('nightly', daily)
    await refusedUnchanged(() => jobs().run('nightly', asked), { status: 409 })
  })

  it.each([
    [{ state: 'succeeded', result: { outcome: 'made' } }, { outcome: 'made' }],
    [{ state: 'succeeded', result: { outcome: 'nothing-new' } }, { outcome: 'nothing-new' }],
    [
      { state: 'failed', failure: { code: 'pool-full', message: 'no room' } },
      { outcome: 'failed', reason: 'no room' },
    ],
    [{ state: 'cancelled' }, { outcome: 'cancelled' }],
    [{ state: 'running' }, { outcome: 'operation' }],
  ] as const)('tells of its runs what became of an operation that is %j', async (end, told) => {
    await jobs().put('daily', daily)
    const run = await jobs().run('daily')
    const id = run.outcomes[0]?.operationId ?? ''
    await world.things.operations.change(catalogKeys.operation(id), (there) => there && { ...there, ...end })
    const [shown] = await gathered(jobs().runs('daily'))
    expect(shown?.outcomes).toMatchObject([told])
  })

  it('does not run one that is switched off', async () => {
    await jobs().put('daily', { ...daily, isEnabled: false })
    await refusedUnchanged(() => jobs().run('daily'), {
      status: 409,
      hint: expect.stringContaining('--enable'),
    })
  })
})

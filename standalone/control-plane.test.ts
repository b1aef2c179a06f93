import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#lib/base/clock.ts'
import { randomIds } from '#lib/base/ids.ts'
import { silentLog } from '#lib/base/log.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { openControlPlane } from './control-plane.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-control-plane-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('control plane', () => {
  it('forgets what has expired', async () => {
    await using stack = new AsyncDisposableStack()
    const settings = { folder, clock: systemClock, ids: randomIds, log: silentLog, env: {} }
    const plane = await openControlPlane(settings)
    stack.defer(() => plane.close())
    const { runs } = plane.catalog
    const run = { job: 'daily', minute: '2020-01-01T02:00:00.000Z', startedAt: '', outcomes: [], omitted: 0 }
    await runs.create({ ...run, endedAt: '2020-01-01T02:01:00.000Z' })
    const woken = plane.start()
    stack.defer(() => woken.stop())
    while (await runs.get(catalogKeys.run(run.job, run.minute))) await systemClock.sleep(20)
    expect(await runs.get(catalogKeys.run(run.job, run.minute))).toBe(undefined)
  })
})

import { describe, expect, it } from 'vitest'
import { controlPlaneOnMemory } from '#test/control-plane-on-memory.ts'

describe('run-recurring-job', () => {
  const id = '20260101T020000Z_daily_primary_web'

  it("runs the job of its rule, in the minute of the rule's time", async () => {
    const { handlers, operations } = await controlPlaneOnMemory()
    const run = await handlers.runRecurringJob({ job: 'daily', time: '2026-01-01T02:00:37Z' })
    expect(run).toMatchObject({
      job: 'daily',
      minute: '2026-01-01T02:00:00.000Z',
      outcomes: [{ volume: 'web', outcome: 'operation', operationId: id }],
    })
    expect(await operations.get(id)).toMatchObject({ kind: 'create-backup', state: 'queued' })
  })

  it('makes nothing twice of a doubled tick', async () => {
    const { handlers, sent } = await controlPlaneOnMemory()
    const first = await handlers.runRecurringJob({ job: 'daily', time: '2026-01-01T02:00:00Z' })
    const second = await handlers.runRecurringJob({ job: 'daily', time: '2026-01-01T02:00:59Z' })
    expect(second?.outcomes).toEqual(first?.outcomes)
    expect(sent).toEqual([`node-1 ${id}.1`])
  })

  it('of a job that is gone is nothing', async () => {
    const { handlers, sent } = await controlPlaneOnMemory()
    expect(await handlers.runRecurringJob({ job: 'none', time: '2026-01-01T02:00:00Z' })).toBe(undefined)
    expect(sent).toEqual([])
  })

  it.each([{}, { job: '', time: '2026-01-01T02:00:00Z' }, { job: 'daily', time: 'two o’clock' }])(
    'refuses %j',
    async (event) => {
      const { handlers } = await controlPlaneOnMemory()
      await expect(handlers.runRecurringJob(event)).rejects.toMatchObject({ code: 'unreadable-event' })
    },
  )
})

import { beforeEach, describe, expect, it } from 'vitest'
import type { Operation } from '#lib/operation/operation.ts'
import type { ReportEvent } from '#lib/operation/report.ts'
import {
  controlPlaneOnMemory,
  failing,
  sqsEvent,
  type ControlPlaneOnMemory,
} from '#test/control-plane-on-memory.ts'

const made = (backup: string): ReportEvent => ({
  kind: 'succeeded',
  result: { outcome: 'made', backup, snapshot: `snap-${backup}` },
})
const cause = { kind: 'job', job: 'daily', minute: '2026-01-01T02:00:00.000Z' } as const

describe('record-report', () => {
  let plane: ControlPlaneOnMemory
  beforeEach(async () => {
    plane = await controlPlaneOnMemory()
  })
  const record = (...messages: unknown[]) => plane.handlers.recordReport(sqsEvent('node-1', ...messages))
  const addBackupOperation = (id: string, more: Partial<Operation> = {}) =>
    plane.operations.add({
      id,
      kind: 'create-backup',
      cause,
      parameters: {
        target: 'nas',
        backupVolume: 'web',
        backup: id,
        lock: `lock-${id}`,
        labels: {},
        isFull: false,
        onlyIfWritten: true,
      },
      ...more,
    })
  const stateOf = async (id: string) => (await plane.operations.get(id))?.state
  const deletions = () => plane.sent.filter((command) => command.includes('_delete_'))

  it('takes reports into the catalog, doubled and reordered', async () => {
    await plane.operations.add({ id: 'op-1' })
    const accepted = plane.reportOf('op-1', 1, { kind: 'accepted' })
    const running = plane.reportOf('op-1', 2, { kind: 'progress', progress: null })
    const end = plane.reportOf('op-1', 3, { kind: 'succeeded', result: { sizeBytes: 2 ** 31 } })
    expect(await record(running, accepted, running)).toEqual(failing())
    expect(await stateOf('op-1')).toBe('running')
    expect(await record(end, accepted, end, running)).toEqual(failing())
    expect(await stateOf('op-1')).toBe('succeeded')
    expect(await plane.volume()).toMatchObject({ sizeBytes: 2 ** 31 })
  })

  it('has the backup in the catalog before its operation counts as ended', async () => {
    const states: unknown[] = []
    const looking: ControlPlaneOnMemory = await controlPlaneOnMemory({
      openTarget: async () => {
        states.push((await looking.operations.get('b1'))?.state)
        return looking.target.store
      },
    })
    plane = looking
    await addBackupOperation('b1')
    expect(await record(plane.reportOf('b1', 1, made('b1')))).toEqual(failing())
    expect(states).toEqual(['queued'])
    expect(await stateOf('b1')).toBe('succeeded')
  })

  it('drops what it cannot read, and goes on', async () => {
    await plane.operations.add({ id: 'op-1' })
    const end = plane.reportOf('op-1', 1, { kind: 'succeeded', result: {} })
    expect(await record('no JSON', { ...end, version: 9 }, {}, end)).toEqual(failing())
    expect(await stateOf('op-1')).toBe('succeeded')
    expect(plane.errors().map(({ event }) => event)).toEqual(Array(3).fill('report cannot be read; dropped'))
  })

  it('of an operation that is gone is nothing', async () => {
    const end = plane.reportOf('none', 1, { kind: 'succeeded', result: {} })
    expect(await record(end)).toEqual(failing())
  })

  it("has a backup in the catalog, and its job's older ones deleted, once it is reported", async () => {
    for (const name of ['b1', 'b2', 'b3']) await plane.backUp(name)
    await addBackupOperation('b3')
    expect(await record(plane.reportOf('b3', 1, made('b3')))).toEqual(failing())
    expect(await plane.backupNames()).toEqual(['b1', 'b2', 'b3'])
    expect(deletions()).toEqual([expect.stringMatching(/^node-1 b3_delete_[0-9a-f]{16}\.1$/)])
    await record(plane.reportOf('b3', 2, made('b3')))
    expect(new Set(deletions()).size).toBe(1)
  })

  it('comes again when the store cannot be looked at, and then does what was left', async () => {
    for (const name of ['b1', 'b2', 'b3']) await plane.backUp(name)
    await addBackupOperation('b3')
    plane.target.fault = new Error('no route to host')
    const end = plane.reportOf('b3', 1, made('b3'))
    expect(await record(end)).toEqual(failing('m-0'))
    expect(await stateOf('b3')).toBe('succeeded')
    expect(deletions()).toEqual([])
    plane.target.fault = undefined
    expect(await record(end)).toEqual(failing())
    expect(await plane.backupNames()).toEqual(['b1', 'b2', 'b3'])
    expect(deletions()).toHaveLength(1)
  })

  it('keeps later reports of the node behind one that failed', async () => {
    await addBackupOperation('b1')
    await plane.operations.add({ id: 'op-2' })
    plane.target.fault = new Error('no route to host')
    const first = plane.reportOf('b1', 1, made('b1'))
    const second = plane.reportOf('op-2', 1, { kind: 'succeeded', result: {} })
    expect(await record(first, second)).toEqual(failing('m-0', 'm-1'))
    expect(await stateOf('op-2')).toBe('queued')
  })

  it('looks at no store for a backup that was not made, or failed', async () => {
    await addBackupOperation('b1')
    await addBackupOperation('b2')
    await record(
      plane.reportOf('b1', 1, { kind: 'succeeded', result: { outcome: 'nothing-new' } }),
      plane.reportOf('b2', 1, { kind: 'failed', failure: { code: 'internal', message: 'no' } }),
    )
    expect(plane.target.opened).toBe(0)
  })

  it('takes a deleted backup out of the catalog', async () => {
    const parameters = { target: 'nas', backupVolume: 'web', backup: 'b1', lock: 'lock-1' }
    await plane.things.backups.create({
      target: 'nas',
      volume: 'web',
      name: 'b1',
      snapshotName: 'snap-1',
      snapshotCreatedAt: '2026-01-01T00:00:00Z',
      createdAt: '2026-01-01T00:00:00Z',
      sizeBytes: 0,
      newlyUploadedBytes: 0,
      labels: {},
      isIncremental: false,
      obstacle: null,
    })
    await plane.operations.add({ id: 'op-1', kind: 'delete-backup', parameters })
    await record(plane.reportOf('op-1', 1, { kind: 'succeeded', result: {} }))
    expect(await plane.backupNames()).toEqual([])
  })

  it('follows what the catalog says of an operation that counts as failed, whatever comes later', async () => {
    await plane.things.volumes.create({ ...(await plane.volume())!, name: 'new', state: 'creating' })
    await plane.operations.add({
      id: 'op-1',
      kind: 'create-volume',
      volume: 'new',
      state: 'failed',
      endedAt: plane.clock.now().toISOString(),
    })
    await record(plane.reportOf('op-1', 1, { kind: 'succeeded', result: { sizeBytes: 2 ** 30 } }))
    const volumes = await plane.things.volumes.list({ partition: 'volume' })
    expect(volumes.values.map(({ name }) => name)).toEqual(['web'])
  })

  it('refuses what is no batch', async () => {
    await expect(plane.handlers.recordReport({})).rejects.toMatchObject({ code: 'unreadable-event' })
  })
})

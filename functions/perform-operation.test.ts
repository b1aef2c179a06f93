import { beforeEach, describe, expect, it } from 'vitest'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { cancelCommand, performCommand } from '#lib/operation/command.ts'
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import type { Operation } from '#lib/operation/operation.ts'
import type { Report } from '#lib/operation/report.ts'
import type { Performance } from '#lib/perform/performer.ts'
import type { StorePerformers } from '#lib/perform/store-performers.ts'
import { controlPlaneHandlers } from './handlers.ts'
import {
  controlPlaneOnMemory,
  failing,
  sqsEvent,
  type ControlPlaneOnMemory,
} from '#test/control-plane-on-memory.ts'

const verify: Partial<Operation> = {
  id: 'op-1',
  kind: 'verify-backup',
  node: controlPlaneNode,
  cluster: controlPlaneNode,
  parameters: { target: 'nas', backupVolume: 'web', backup: 'b1' },
}

describe('perform-operation', () => {
  let plane: ControlPlaneOnMemory
  let performed: string[]
  let behave: (performance: Performance) => Promise<void>
  let areReportsTaken: boolean

  beforeEach(async () => {
    performed = []
    behave = async () => {}
    areReportsTaken = true
    const performer = async ({ operationId }: { operationId: string }, performance: Performance) => {
      performed.push(`${operationId}${performance.isAgain ? ' again' : ''}`)
      await behave(performance)
      return { by: 'test' }
    }
    const performers: StorePerformers = {
      'delete-backup': performer,
      'collect-blocks': performer,
      'verify-backup': performer,
    }
    plane = await controlPlaneOnMemory({ performers, sendReport: (report) => take(report) })
  })
  /** Into the catalog at once, as on one machine. */
  const take = async (report: Report) => {
    if (!areReportsTaken) throw new Error('the queue of reports is away')
    plane.reports.push(report)
    await plane.handlers.recordReport(sqsEvent(report.node, report))
  }
  const run = (...messages: unknown[]) =>
    plane.handlers.performOperation(sqsEvent(controlPlaneNode, ...messages))
  const said = () => plane.reports.map(({ sequence, event }) => [sequence, event.kind])
  const askToCancel = (id: string) =>
    plane.things.operations.change(
      catalogKeys.operation(id),
      (there) => there && { ...there, isCancelRequested: true },
    )

  it('performs what it is sent, and says so', async () => {
    const operation = await plane.operations.add(verify)
    expect(await run(performCommand(operation))).toEqual(failing())
    expect(performed).toEqual(['op-1'])
    expect(said()).toEqual([
      [1, 'progress'],
      [2, 'succeeded'],
    ])
    expect(await plane.operations.get('op-1')).toMatchObject({ state: 'succeeded', result: { by: 'test' } })
  })

  it('performs nothing twice of a message that comes again', async () => {
    const command = performCommand(await plane.operations.add(verify))
    await run(command, command)
    await run({ ...command, attempt: 2 })
    expect(performed).toEqual(['op-1'])
  })

  it('performs again what a function that died had begun, and numbers its reports on', async () => {
    const operation = await plane.operations.add({ ...verify, state: 'running', sequence: 7 })
    await run(performCommand(operation))
    expect(performed).toEqual(['op-1 again'])
    expect(said()).toEqual([
      [8, 'progress'],
      [9, 'succeeded'],
    ])
  })

  it('says every 30 s that it lives, and how far it is', async () => {
    const operation = await plane.operations.add(verify)
    const progress = { phase: 'verifying', doneBytes: 1, totalBytes: 2 }
    behave = async ({ onProgress }) => {
      onProgress(progress)
      await plane.clock.sleep(100_000)
    }
    await run(performCommand(operation))
    const signs = plane.reports.slice(1, -1)
    expect(signs.map(({ at, event }) => [at, event])).toEqual(
      ['00:00:30', '00:01:00', '00:01:30'].map((time) => [
        `2026-01-01T${time}.000Z`,
        { kind: 'progress', progress },
      ]),
    )
  })

  it('sees within seconds that it is to be cancelled', async () => {
    const operation = await plane.operations.add(verify)
    behave = async ({ signal }) => {
      await plane.clock.sleep(12_000)
      await askToCancel('op-1')
      await plane.clock.sleep(3600_000, signal)
    }
    await run(performCommand(operation), cancelCommand(operation))
    expect(await plane.operations.get('op-1')).toMatchObject({
      state: 'cancelled',
      endedAt: '2026-01-01T00:00:15.000Z',
    })
  })

  it('goes on when the catalog cannot be looked at for a while', async () => {
    const operation = await plane.operations.add(verify)
    behave = async () => {
      areReportsTaken = false
      await plane.clock.sleep(40_000)
      areReportsTaken = true
    }
    expect(await run(performCommand(operation))).toEqual(failing())
    expect(await plane.operations.get('op-1')).toMatchObject({ state: 'succeeded' })
  })

  it('performs nothing that is cancelled, expired, ended or gone', async () => {
    const cancelled = await plane.operations.add({ ...verify, id: 'cancelled', isCancelRequested: true })
    const expired = await plane.operations.add({ ...verify, id: 'expired' })
    const ended = await plane.operations.add({ ...verify, id: 'ended', state: 'failed' })
    const gone = performCommand({ ...ended, id: 'gone' })
    const late = { ...performCommand(expired), expiresAt: '2025-12-31T23:59:59Z' }
    await run(performCommand(cancelled), late, performCommand(ended), gone, cancelCommand(ended))
    expect(performed).toEqual([])
    expect(plane.reports.map(({ operationId, event }) => [operationId, event])).toEqual([
      ['cancelled', { kind: 'cancelled' }],
      ['expired', { kind: 'refused', failure: expect.objectContaining({ code: 'expired' }) }],
    ])
  })

  it('has what was cancelled after it had begun taken back', async () => {
    const operation = await plane.operations.add({ ...verify, state: 'running', isCancelRequested: true })
    behave = async ({ signal }) => signal.throwIfAborted()
    await run(performCommand(operation))
    expect(performed).toHaveLength(1)
    expect(await plane.operations.get('op-1')).toMatchObject({ state: 'cancelled' })
  })

  it('says that it cannot do what needs a node, and what fails', async () => {
    const parameters = { isMaintenance: false }
    const attach = await plane.operations.add({ ...verify, id: 'op-2', kind: 'attach-volume', parameters })
    const broken = await plane.operations.add(verify)
    behave = () => Promise.reject(new Error('a bug'))
    expect(await run(performCommand(attach), performCommand(broken))).toEqual(failing())
    expect(await plane.operations.get('op-2')).toMatchObject({ failure: { code: 'unsupported' } })
    expect(await plane.operations.get('op-1')).toMatchObject({ failure: { code: 'internal' } })
  })

  it('refuses a command that it cannot read, if that can be told, and never one under way', async () => {
    const queued = performCommand(await plane.operations.add({ ...verify, id: 'queued' }))
    const running = performCommand(await plane.operations.add({ ...verify, id: 'running', state: 'running' }))
    const unread = [queued, running].map((command) => ({ ...command, version: 9 }))
    expect(await run('no JSON', ...unread)).toEqual(failing())
    expect(await plane.operations.get('queued')).toMatchObject({ failure: { code: 'unreadable' } })
    expect(await plane.operations.get('running')).toMatchObject({ state: 'running' })
  })

  it('has a message come again, with those behind it, when its report is not recorded', async () => {
    const operation = await plane.operations.add(verify)
    areReportsTaken = false
    expect(await run(performCommand(operation), 'behind')).toEqual(failing('m-0', 'm-1'))
    expect(performed).toEqual([])
    areReportsTaken = true
    expect(await run(performCommand(operation))).toEqual(failing())
    expect(performed).toEqual(['op-1'])
  })

  it('goes on where it left off by a message to itself, where time ends each process', async () => {
    const process = new AbortController()
    const later: unknown[] = []
    const deps = (ending?: AbortSignal) => ({
      ...plane.deps,
      ending,
      goOnLater: async (command: unknown) => void later.push(command),
    })
    const command = performCommand(await plane.operations.add(verify))
    const seen: unknown[] = []
    behave = async ({ checkpoint, signal, writeCheckpoint }) => {
      seen.push(checkpoint?.data)
      if (checkpoint) return
      writeCheckpoint({ doneBlocks: 7 }, new Uint8Array())
      setImmediate(() => process.abort())
      await plane.clock.sleep(3600_000, signal)
    }
    const first = controlPlaneHandlers(deps(process.signal))
    expect(await first.performOperation(sqsEvent(controlPlaneNode, command))).toEqual(failing())
    expect(later).toEqual([command])
    const second = controlPlaneHandlers(deps())
    expect(await second.performOperation(sqsEvent(controlPlaneNode, later[0]))).toEqual(failing())
    expect(seen).toEqual([undefined, { doneBlocks: 7 }])
    expect(await plane.operations.get('op-1')).toMatchObject({ state: 'succeeded' })
  })

  it('leaves what is under way when the process ends, and performs it again after', async () => {
    const process = new AbortController()
    plane = await controlPlaneOnMemory({
      performers: plane.deps.performers,
      sendReport: (report) => take(report),
      ending: process.signal,
    })
    const command = performCommand(await plane.operations.add(verify))
    behave = async ({ signal }) => {
      setImmediate(() => process.abort())
      await plane.clock.sleep(3600_000, signal)
    }
    expect(await run(command)).toEqual(failing('m-0'))
    expect(await plane.operations.get('op-1')).toMatchObject({ state: 'running' })
    behave = async () => {}
    expect(await run(command)).toEqual(failing())
    expect(performed).toEqual(['op-1', 'op-1 again'])
    expect(await plane.operations.get('op-1')).toMatchObject({ state: 'succeeded' })
  })

  it('deletes a backup from the store, and from the catalog', async () => {
    plane = await controlPlaneOnMemory({ sendReport: (report) => take(report) })
    await plane.backUp('b1')
    await plane.backUp('b2')
    const parameters = { target: 'nas', backupVolume: 'web', backup: 'b1', lock: 'lock-1' }
    const operation = await plane.operations.add({ ...verify, kind: 'delete-backup', parameters })
    expect(await run(performCommand(operation))).toEqual(failing())
    expect(await plane.operations.get('op-1')).toMatchObject({ state: 'succeeded' })
    expect(await plane.backupNames()).toEqual(['b2'])
  })
})

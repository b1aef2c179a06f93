import { beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '#lib/base/log.ts'
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import type { Operation } from '#lib/operation/operation.ts'
import type { Report, ReportEvent } from '#lib/operation/report.ts'
import { catalogKeys } from './catalog-keys.ts'
import { catalog, type Catalog } from './catalog.ts'
import { cancelOperation, issueOperation, type NewOperation } from './issue-operation.ts'
import { memoryItemStore } from './memory-item-store.ts'
import { reconcileOperations } from './reconcile-operations.ts'
import { listeningSince } from './listening-since.ts'
import { recordReport } from './record-report.ts'

const start = Date.parse('2026-01-01T00:00:00Z')
const minuteMs = 60_000

const wanted: NewOperation<'detach-volume'> = {
  id: 'op-1',
  kind: 'detach-volume',
  cluster: 'primary',
  node: 'node-1',
  volume: 'web',
  generation: 1,
  parameters: {},
  cause: { kind: 'request', by: 'ada' },
}

describe('an operation in the control plane', () => {
  let nowMs = start
  let sent: string[]
  let things: Catalog
  let isQueueDown = false
  const clock = { now: () => new Date(nowMs) }
  const queueOf = (node: string) => ({
    send: async ({ deduplicationId }: { deduplicationId: string }) => {
      if (isQueueDown) throw new Error('queue is down')
      sent.push(`${node} ${deduplicationId}`)
    },
  })
  const deps = () => ({ catalog: things, queueOf, clock, log: silentLog })
  const issue = (more: Partial<NewOperation> = {}) => issueOperation(deps())({ ...wanted, ...more })
  const reconcile = (onEnded?: (operation: Operation) => Promise<void>) =>
    reconcileOperations({ ...deps(), onEnded })()
  const current = async (): Promise<Operation | undefined> =>
    things.operations.get(catalogKeys.operation('op-1'))
  const report = (sequence: number, event: ReportEvent) =>
    recordReport({ catalog: things })({
      version: 1,
      operationId: 'op-1',
      node: 'node-1',
      sequence,
      at: clock.now().toISOString(),
      event,
    } satisfies Report)
  const hear = async () => {
    await things.nodes.change(catalogKeys.node('node-1'), (there) =>
      there ? { ...there, heardAt: clock.now().toISOString() } : undefined,
    )
  }

  beforeEach(async () => {
    nowMs = start
    sent = []
    isQueueDown = false
    things = catalog(memoryItemStore())
    const joinedAt = clock.now().toISOString()
    await things.nodes.create({
      name: 'node-1',
      cluster: 'primary',
      joinedAt,
      heardAt: null,
      version: null,
      pool: null,
      inventory: null,
    })
  })

  it('is made once, and told to its node, however often it is issued', async () => {
    const first = await issue()
    expect(await issue({ cause: { kind: 'request', by: 'bob' } })).toEqual(first)
    expect(new Set(sent)).toEqual(new Set(['node-1 op-1.1']))
  })

  it('is there when its command could not be sent, and reaches its node later', async () => {
    isQueueDown = true
    await expect(issue()).rejects.toThrow('queue is down')
    isQueueDown = false
    nowMs += minuteMs
    await hear()
    await reconcile()
    expect(sent).toEqual(['node-1 op-1.2'])
  })

  it('is sent again with growing pauses, and never to a silent node', async () => {
    await issue()
    for (let minute = 1; minute <= 5; minute++) {
      nowMs += minuteMs
      await reconcile()
    }
    expect(sent).toEqual(['node-1 op-1.1'])
    for (let minute = 1; minute <= 20; minute++) {
      nowMs += minuteMs
      await hear()
      await reconcile()
    }
    expect(sent.slice(1)).toEqual([2, 3, 4, 5, 6, 7].map((attempt) => `node-1 op-1.${attempt}`))
    expect(await current()).toMatchObject({ state: 'queued', attempt: 7 })
  })

  it('is sent again to the worker of the control plane itself, until that has begun', async () => {
    isQueueDown = true
    await expect(issue({ node: controlPlaneNode })).rejects.toThrow('queue is down')
    isQueueDown = false
    nowMs = start + minuteMs
    await reconcile()
    expect(sent).toEqual([`${controlPlaneNode} op-1.2`])
    await things.operations.change(
      catalogKeys.operation('op-1'),
      (there) => there && { ...there, state: 'running', heardAt: clock.now().toISOString() },
    )
    nowMs += 10 * minuteMs
    await reconcile()
    expect(sent).toHaveLength(1)
  })

  it('fails when its node did not take it on in time, and is called off there', async () => {
    await issue()
    nowMs += 61 * minuteMs
    await reconcile()
    expect(await current()).toMatchObject({ state: 'queued' })
    nowMs += 2 * minuteMs
    await reconcile()
    expect(await current()).toMatchObject({ state: 'failed', failure: { code: 'expired' } })
    expect(sent.at(-1)).toBe('node-1 op-1.cancel')
    await report(1, { kind: 'succeeded', result: {} })
    expect(await current()).toMatchObject({ state: 'failed' })
  })

  it('fails as lost when nothing was heard of it for too long, not sooner', async () => {
    await issue()
    await report(1, { kind: 'accepted' })
    for (let minutes = 0; minutes < 90; minutes += 29) {
      nowMs += 29 * minuteMs
      await report(2 + minutes, { kind: 'progress', progress: null })
      await reconcile()
    }
    expect(await current()).toMatchObject({ state: 'running' })
    nowMs += 31 * minuteMs
    await reconcile()
    expect(await current()).toMatchObject({ state: 'failed', failure: { code: 'lost' } })
  })

  it('does not fail for a silence in which nobody listened', async () => {
    await issue()
    await issue({ id: 'op-2' })
    await report(1, { kind: 'accepted' })
    nowMs += 10 * 60 * minuteMs
    const listening = listeningSince({ catalog: things, clock })
    const look = () => reconcileOperations({ ...deps(), listeningSince: listening })()
    const states = async () =>
      (await things.operations.getMany(['op-1', 'op-2'].map(catalogKeys.operation))).map(({ state }) => state)
    await look()
    expect(await states()).toEqual(['accepted', 'queued'])
    for (let minute = 1; minute <= 3; minute++) {
      nowMs += minuteMs
      await look()
    }
    expect(await states()).toEqual(['accepted', 'failed'])
    for (let minute = 1; minute <= 30; minute++) {
      nowMs += minuteMs
      await look()
    }
    expect(await states()).toEqual(['failed', 'failed'])
  })

  it('that failed here is told once, when it is written, whether or not its node can be told', async () => {
    await issue()
    nowMs += 63 * minuteMs
    isQueueDown = true
    const told: (Operation | undefined)[] = []
    const onEnded = async (operation: Operation) => {
      told.push(operation, await current())
    }
    await reconcile(onEnded)
    await reconcile(onEnded)
    expect(told).toHaveLength(2)
    expect(told[0]).toMatchObject({ id: 'op-1', state: 'failed', failure: { code: 'expired' } })
    expect(told[1]).toEqual(told[0])
  })

  it('that is sent again, or left, is not told as ended', async () => {
    await issue()
    nowMs += minuteMs
    await hear()
    await reconcile(() => Promise.reject(new Error('nothing has ended')))
    await reconcile(() => Promise.reject(new Error('nothing has ended')))
    expect(sent).toEqual(['node-1 op-1.1', 'node-1 op-1.2'])
  })

  it('that cannot be settled keeps no other waiting', async () => {
    const ids = ['op-1', 'op-2', 'op-3']
    for (const id of ids) await issue({ id })
    nowMs += 63 * minuteMs
    const told: string[] = []
    await reconcile(async ({ id }) => {
      told.push(id)
      if (id === 'op-2') throw new Error('no follow-up')
    })
    expect(told).toEqual(ids)
    expect(sent.slice(3)).toEqual(ids.map((id) => `node-1 ${id}.cancel`))
  })

  it('that ended is left alone', async () => {
    await issue()
    await report(1, { kind: 'succeeded', result: { done: true } })
    const before = await current()
    nowMs += 24 * 60 * minuteMs
    await reconcile()
    expect(await current()).toEqual(before)
    expect(await cancelOperation(deps())('op-1')).toEqual(before)
    expect(sent).toEqual(['node-1 op-1.1'])
  })

  it('that is to be cancelled is called off at its node, and ends when that says so', async () => {
    await issue()
    expect(await cancelOperation(deps())('op-1')).toMatchObject({ state: 'queued', isCancelRequested: true })
    expect(sent.at(-1)).toBe('node-1 op-1.cancel')
    await report(1, { kind: 'cancelled' })
    expect(await current()).toMatchObject({ state: 'cancelled' })
    expect(await cancelOperation(deps())('none')).toBe(undefined)
  })

  it('makes its node heard, by the latest report', async () => {
    await issue()
    nowMs += minuteMs
    await report(2, { kind: 'accepted' })
    nowMs -= 2 * minuteMs
    await report(1, { kind: 'accepted' })
    const node = await things.nodes.get(catalogKeys.node('node-1'))
    expect(node?.heardAt).toBe('2026-01-01T00:01:00.000Z')
  })
})

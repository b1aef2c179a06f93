/**
 * A node that was away for a day: what it finds in its queue when it comes back, and what of that it does.
 */
import { beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '#lib/base/log.ts'
import { beginOperation } from '#lib/catalog/begin-operation.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { catalog, type Catalog } from '#lib/catalog/catalog.ts'
import { cancelOperation, issueOperation } from '#lib/catalog/issue-operation.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import { reconcileOperations } from '#lib/catalog/reconcile-operations.ts'
import { recordReport } from '#lib/catalog/record-report.ts'
import { openJournal } from '#lib/operation/journal.ts'
import { leasedQueue } from '#lib/operation/leased-queue.ts'
import { memoryLeases } from '#lib/operation/memory-leases.ts'
import { operationKinds, type OperationKind } from '#lib/operation/operation-kinds.ts'
import type { Performer, Performers } from '#lib/perform/performer.ts'
import { worker } from '#lib/perform/worker.ts'
import { storedVolume } from '#test/stored-volume.ts'
import { virtualClock, type VirtualClock } from './virtual-clock.ts'

const node = storedVolume.node
const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

let clock: VirtualClock
let things: Catalog
let performed: string[]
let controlPlane: Parameters<typeof reconcileOperations>[0]
let queue: ReturnType<typeof leasedQueue>

const issue = (id: string, volume: string, lifeMs: number) =>
  issueOperation(controlPlane)({
    id,
    kind: 'attach-volume',
    cluster: 'primary',
    node,
    volume,
    generation: 1,
    parameters: { isMaintenance: false },
    cause: { kind: 'request', by: 'test' },
    lifeMs,
  })

/** The control plane goes on, whoever is away. */
const timePasses = async (ms: number): Promise<void> => {
  for (let left = ms; left > 0; left -= 10 * minuteMs) {
    await reconcileOperations(controlPlane)()
    await clock.pass(Math.min(left, 10 * minuteMs))
  }
}

const startNode = () => {
  const performer: Performer<OperationKind> = async ({ operationId }) => {
    performed.push(operationId)
    return {}
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each kind has this performer
  const performers = Object.fromEntries(operationKinds.map((kind) => [kind, performer])) as Performers
  return worker({
    queue,
    journal: openJournal({ path: ':memory:', node, now: () => clock.now() }),
    performers,
    mayBegin: async ({ operationId }) =>
      (await beginOperation({ catalog: things })(operationId, node)).permission,
    sendReports: async (reports) => {
      for (const report of reports) await recordReport({ catalog: things })(report)
    },
    clock,
    serverNow: () => clock.now(),
    log: silentLog,
  }).start()
}

/** The node comes back for a while. */
const comesBack = async (): Promise<void> => {
  const running = startNode()
  const heardAt = clock.now().toISOString()
  await things.nodes.change(catalogKeys.node(node), (there) => there && { ...there, heardAt })
  await timePasses(hourMs)
  const stopped = running.stop()
  await clock.pass(minuteMs)
  await stopped
}

const endOf = async (id: string) => {
  const operation = await things.operations.get(catalogKeys.operation(id))
  return { state: operation?.state, code: operation?.failure?.code }
}

beforeEach(async () => {
  clock = virtualClock()
  things = catalog(memoryItemStore())
  performed = []
  queue = leasedQueue({ leases: memoryLeases(clock), clock, log: silentLog }, { pollMs: 1000 })
  controlPlane = { catalog: things, queueOf: () => queue, clock, log: silentLog }
  const joinedAt = clock.now().toISOString()
  await things.nodes.create({
    name: node,
    cluster: 'primary',
    joinedAt,
    heardAt: joinedAt,
    version: null,
    pool: null,
    inventory: null,
  })
  for (const name of ['wanted', 'cancelled', 'expired', 'moved', 'replaced', 'deleted'])
    await things.volumes.create({ ...storedVolume, name })
})

describe('a node that was away for a day', () => {
  it('performs what is still wanted, once, and nothing that was cancelled, expired, moved or deleted meanwhile', async () => {
    for (const name of ['wanted', 'cancelled', 'moved', 'replaced', 'deleted'])
      await issue(name, name, 3 * dayMs)
    await issue('expired', 'expired', hourMs)
    await timePasses(hourMs)
    await cancelOperation(controlPlane)('cancelled')
    const change = (name: string, more: object) =>
      things.volumes.change(catalogKeys.volume('primary', name), (there) => there && { ...there, ...more })
    await change('moved', { node: 'node-2', generation: 2 })
    await change('replaced', { generation: 2 })
    await things.volumes.remove(catalogKeys.volume('primary', 'deleted'))
    await timePasses(dayMs)
    await comesBack()

    expect(performed).toEqual(['wanted'])
    expect(await endOf('wanted')).toEqual({ state: 'succeeded', code: undefined })
    expect(await endOf('cancelled')).toEqual({ state: 'cancelled', code: undefined })
    expect(await endOf('expired')).toEqual({ state: 'failed', code: 'expired' })
    for (const name of ['moved', 'replaced', 'deleted'])
      expect(await endOf(name)).toEqual({ state: 'failed', code: 'not-current' })
  })

  it('is not sent the same over and over while it is silent', async () => {
    await issue('wanted', 'wanted', 3 * dayMs)
    await timePasses(dayMs)
    expect((await things.operations.get(catalogKeys.operation('wanted')))?.attempt).toBe(1)
  })
})

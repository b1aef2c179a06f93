/**
 * @module message-world: a control plane and a node's worker on memory adapters and a virtual clock, with queues between them
 * that lose, double, delay and reorder what is sent, and a worker that is restarted now and then. All by a seed.
 */
import { silentLog } from '#lib/base/log.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { catalog, type Catalog } from '#lib/catalog/catalog.ts'
import { cancelOperation, issueOperation } from '#lib/catalog/issue-operation.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import { reconcileOperations } from '#lib/catalog/reconcile-operations.ts'
import { recordReport } from '#lib/catalog/record-report.ts'
import { randomFrom } from '#lib/object-store/seeded-random.ts'
import { openJournal } from '#lib/operation/journal.ts'
import { leasedQueue } from '#lib/operation/leased-queue.ts'
import { memoryLeases } from '#lib/operation/memory-leases.ts'
import type { Operation } from '#lib/operation/operation.ts'
import { operationKinds, type OperationKind } from '#lib/operation/operation-kinds.ts'
import type { Queue, QueueMessage, SendQueue } from '#lib/operation/queue.ts'
import { Report } from '#lib/operation/report.ts'
import { ProcessEnding, type Performer, type Performers } from '#lib/perform/performer.ts'
import { worker } from '#lib/perform/worker.ts'
import { virtualClock } from './virtual-clock.ts'

const node = 'node-1'
const minuteMs = 60_000
/** How long messages are mishandled; after it there is time for everything to come right. */
export const faultyMs = 20 * minuteMs
const calmMs = 75 * minuteMs
const operationCount = 10

export interface MessageFaults {
  lost: number
  doubled: number
  delayed: number
}

export interface Ending {
  operations: Operation[]
  /** By id: how often it was done to its end. */
  completed: Map<string, number>
  cancelled: Set<string>
  counts: { lost: number; doubled: number; delayed: number; restarts: number }
}

export const runMessages = async (seed: number, faults: MessageFaults): Promise<Ending> => {
  const random = randomFrom(seed)
  const clock = virtualClock()
  const startMs = clock.now().getTime()
  const ending = new AbortController()
  const { signal } = ending
  const counts = { lost: 0, doubled: 0, delayed: 0, restarts: 0 }
  const isFaulty = () => clock.now().getTime() - startMs < faultyMs
  const sleepAtMost = (ms: number) => clock.sleep(random() * ms, signal)
  const newQueue = () => leasedQueue({ leases: memoryLeases(clock), clock, log: silentLog }, { pollMs: 5000 })

  const mishandling = (queue: Queue): SendQueue => ({
    send: async (message: QueueMessage) => {
      if (!isFaulty()) return queue.send(message)
      if (random() < faults.lost) {
        counts.lost++
        return
      }
      if (random() < faults.doubled) {
        counts.doubled++
        await queue.send({ ...message, deduplicationId: `${message.deduplicationId} again ${random()}` })
      }
      if (random() >= faults.delayed) return queue.send(message)
      counts.delayed++
      void sleepAtMost(5 * minuteMs).then(
        () => queue.send(message),
        () => undefined,
      )
    },
  })

  const things: Catalog = catalog(memoryItemStore())
  const [commands, reports] = [newQueue(), newQueue()]
  const [sendCommands, sendReports] = [mishandling(commands), mishandling(reports)]
  const controlPlane = { catalog: things, queueOf: () => sendCommands, clock, log: silentLog }
  await things.nodes.create({
    name: node,
    cluster: 'primary',
    joinedAt: clock.now().toISOString(),
    heardAt: null,
    version: null,
    pool: null,
    inventory: null,
  })

  const completed = new Map<string, number>()
  const performer: Performer<OperationKind> = async ({ operationId }, performance) => {
    await clock.sleep(random() * 3 * minuteMs, performance.signal)
    completed.set(operationId, (completed.get(operationId) ?? 0) + 1)
    return {}
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each kind has this performer
  const performers = Object.fromEntries(operationKinds.map((kind) => [kind, performer])) as Performers
  const journal = openJournal({ path: ':memory:', node, now: () => clock.now() })
  let reportNumber = 0
  const startWorker = () =>
    worker(
      {
        queue: commands,
        journal,
        performers,
        mayBegin: async ({ operationId }) => {
          const operation = await things.operations.get(catalogKeys.operation(operationId))
          if (operation?.isCancelRequested) return { kind: 'cancelled' }
          const isCurrent = operation && operation.endedAt === null
          return isCurrent ? { kind: 'go' } : { kind: 'not-current', reason: 'it has ended' }
        },
        sendReports: async (some) => {
          for (const report of some)
            await sendReports.send({
              body: JSON.stringify(report),
              group: node,
              deduplicationId: String(++reportNumber),
            })
        },
        clock,
        serverNow: () => clock.now(),
        log: silentLog,
      },
      { pauseMs: 5000 },
    ).start()
  let running: ReturnType<typeof startWorker> | undefined = startWorker()

  const every = async (ms: number, work: () => Promise<unknown>): Promise<void> => {
    while (!signal.aborted) {
      await work()
      await clock.sleep(ms, signal)
    }
  }
  const receiving = every(0, () =>
    reports.receive({ waitMs: 20_000, signal }, async ({ body }) => {
      await recordReport({ catalog: things })(Report.parse(JSON.parse(body)))
    }),
  )
  const beating = every(30_000, async () => {
    if (!running) return
    const heardAt = clock.now().toISOString()
    await things.nodes.change(catalogKeys.node(node), (there) => there && { ...there, heardAt })
  })
  const reconciling = every(minuteMs, reconcileOperations(controlPlane))
  const restarting = async (): Promise<void> => {
    while (isFaulty()) {
      await sleepAtMost(15 * minuteMs)
      const stopping = running?.stop()
      running = undefined
      await stopping
      counts.restarts++
      await sleepAtMost(3 * minuteMs)
      running = startWorker()
    }
  }
  const cancelled = new Set<string>()
  const asking = async (number: number): Promise<void> => {
    await sleepAtMost(faultyMs)
    const id = `op-${number}`
    await issueOperation(controlPlane)({
      id,
      kind: 'attach-volume',
      cluster: 'primary',
      node,
      volume: `volume-${number % 3}`,
      generation: 1,
      parameters: { isMaintenance: false },
      cause: { kind: 'request', by: 'test' },
    })
    if (random() > 0.3) return
    await sleepAtMost(4 * minuteMs)
    cancelled.add(id)
    await cancelOperation(controlPlane)(id)
  }
  const all = [
    receiving,
    beating,
    reconciling,
    restarting(),
    ...Array.from({ length: operationCount }, (_, number) => asking(number)),
  ].map((loop) =>
    loop.catch((error: unknown) => {
      if (!signal.aborted) throw error
    }),
  )
  await clock.pass(faultyMs + calmMs)
  ending.abort(new ProcessEnding('the simulation ends'))
  const stopped = Promise.all([...all, running?.stop()])
  await clock.pass(minuteMs)
  await stopped
  const operations: Operation[] = []
  const { partition } = catalogKeys.operation('')
  for await (const operation of things.operations.all({ partition })) operations.push(operation)
  journal.close()
  return { operations, completed, cancelled, counts }
}

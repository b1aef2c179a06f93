/**
 * @module reconcile-operations: once a minute: what became of each operation that has not ended. What is decided is a pure function of what is known.
 *
 * - Nothing heard of it, though its node has been heard from since: its command is sent again, with growing pauses. A node that
 *   knows it says again how it stands. Nothing is sent again to a node that is silent: it would find a heap.
 * - Not begun when it expired, and its node had time to say that it had: it failed.
 * - Taken on, and no sign of life for as long as its kind allows: it failed, `lost`.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { cancelCommand, performCommand } from '#lib/operation/command.ts'
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import { silenceLimitMs } from '#lib/operation/operation-kinds.ts'
import { isEnded, type Failure, type Operation } from '#lib/operation/operation.ts'
import { catalogKeys } from './catalog-keys.ts'
import type { Catalog } from './catalog.ts'
import { sendCommand, type IssueDeps } from './issue-operation.ts'

export interface ReconcileDeps extends IssueDeps {
  catalog: Pick<Catalog, 'operations' | 'nodes'>
  clock: Pick<Clock, 'now'>
  log: Log
  /** Since when its nodes could be heard: silence before counts for nothing. Left out: always. */
  listeningSince?: (() => Promise<Date>) | undefined
  /** Told of each operation that failed here, after it is written. Not told again when that throws: it is logged. */
  onEnded?: ((operation: Operation) => Promise<void>) | undefined
}

export type Reconciliation = { kind: 'leave' } | { kind: 'send-again' } | { kind: 'fail'; failure: Failure }

const firstPauseMs = 30_000
const longestPauseMs = 5 * 60_000
/** One that was taken on is asked about as often as this: its node answers from its journal. */
const askPauseMs = 2 * 60_000
/** What a node that was heard from needs to report what it took on in time. */
const graceMs = 2 * 60_000

const pauseMs = (attempt: number): number => Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs)

const since = (now: Date, time: string): number => now.getTime() - Date.parse(time)

const expired = ({ expiresAt }: Operation): Failure => ({
  code: 'expired',
  message: `its node had not taken it on by ${expiresAt}`,
  hint: 'see whether the agent runs and reaches the control plane; then ask for it again',
})

const lost = ({ node }: Operation, silentMs: number): Failure => ({
  code: 'lost',
  message: `node ${node} has said nothing of it for ${Math.round(silentMs / 60_000)} minutes`,
  hint: 'see whether the agent runs; what it had begun it finishes or takes back when it starts',
})

/** Whether its node, heard from since, may have missed its command, or its last report got lost. */
const isToSendAgain = (operation: Operation, nodeHeardAt: string | null, now: Date): boolean => {
  const { sentAt, heardAt, attempt, state, node } = operation
  // The control plane's own worker is woken by its messages: one that it has begun with comes again by itself.
  if (node === controlPlaneNode && state !== 'queued') return false
  const last = heardAt !== null && heardAt > sentAt ? heardAt : sentAt
  return (
    nodeHeardAt !== null &&
    nodeHeardAt > last &&
    since(now, last) >= (state === 'queued' ? pauseMs(attempt) : askPauseMs)
  )
}

/** `nodeHeardAt`: null if never. */
export const reconciliationOf = (
  operation: Operation,
  nodeHeardAt: string | null,
  now: Date,
  listeningSince?: Date,
): Reconciliation => {
  if (isEnded(operation)) return { kind: 'leave' }
  const listenedMs = listeningSince ? now.getTime() - listeningSince.getTime() : Number.POSITIVE_INFINITY
  if (operation.state === 'queued') {
    if (Math.min(since(now, operation.expiresAt), listenedMs) > graceMs)
      return { kind: 'fail', failure: expired(operation) }
    if (since(now, operation.expiresAt) > 0) return { kind: 'leave' }
  } else {
    const silentMs = Math.min(since(now, operation.heardAt ?? operation.createdAt), listenedMs)
    if (silentMs > silenceLimitMs[operation.kind]) return { kind: 'fail', failure: lost(operation, silentMs) }
  }
  return { kind: isToSendAgain(operation, nodeHeardAt, now) ? 'send-again' : 'leave' }
}

const failed = (operation: Operation, failure: Failure, now: Date): Operation => ({
  ...operation,
  state: 'failed',
  failure,
  endedAt: now.toISOString(),
})

/** Decided again from what is there at the moment of writing, so that an end that came meanwhile stays. */
const settle = async (
  deps: ReconcileDeps,
  id: string,
  { nodeHeardAt, listening }: { nodeHeardAt: string | null; listening: Date | undefined },
): Promise<void> => {
  const { catalog, clock, log, queueOf } = deps
  const now = clock.now()
  const decided: { as: Reconciliation } = { as: { kind: 'leave' } }
  const operation = await catalog.operations.change(catalogKeys.operation(id), (there) => {
    decided.as = there ? reconciliationOf(there, nodeHeardAt, now, listening) : { kind: 'leave' }
    if (!there || decided.as.kind === 'leave') return undefined
    if (decided.as.kind === 'fail') return failed(there, decided.as.failure, now)
    return { ...there, attempt: there.attempt + 1, sentAt: now.toISOString() }
  })
  const { kind } = decided.as
  if (!operation || kind === 'leave') return
  log.info('operation reconciled', { operation: id, decided: kind, attempt: operation.attempt })
  // One that counts as failed must not be performed when its node comes back.
  const command = kind === 'fail' ? cancelCommand(operation) : performCommand(operation)
  try {
    await sendCommand(queueOf(operation.node), operation.node, command)
  } finally {
    if (kind === 'fail') await deps.onEnded?.(operation)
  }
}

/** The control plane's own worker is always there. */
const heardAtOf = async ({ catalog, clock }: ReconcileDeps, node: string): Promise<string | null> =>
  node === controlPlaneNode
    ? clock.now().toISOString()
    : ((await catalog.nodes.get(catalogKeys.node(node)))?.heardAt ?? null)

/** Safe to repeat, and to run twice at once. One that cannot be settled now keeps no other waiting. */
export const reconcileOperations = (deps: ReconcileDeps) => async (): Promise<void> => {
  const { catalog, log } = deps
  const heardAt = new Map<string, string | null>()
  const { partition } = catalogKeys.openOperation('', '')
  let listening: Date | undefined
  for await (const { id, node } of catalog.operations.all({ index: 'second', partition })) {
    if (!heardAt.has(node)) heardAt.set(node, await heardAtOf(deps, node))
    // Only where there are operations: an idle installation pays nothing for it.
    listening ??= await deps.listeningSince?.()
    await settle(deps, id, { nodeHeardAt: heardAt.get(node) ?? null, listening }).catch((error: unknown) => {
      log.error('operation not reconciled', { operation: id, error: String(error) })
    })
  }
}

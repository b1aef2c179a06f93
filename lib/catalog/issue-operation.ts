/**
 * @module issue-operation: makes an operation, and tells its node; and asks for its end.
 *
 * First the catalog, then the command: one that is lost in between is sent again by reconcile. The same id is the same operation,
 * however often it is issued.
 */
import type { Clock } from '#lib/base/clock.ts'
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import { cancelCommand, deduplicationId, performCommand, type Command } from '#lib/operation/command.ts'
import { isEnded, type Operation } from '#lib/operation/operation.ts'
import type { OperationKind } from '#lib/operation/operation-kinds.ts'
import type { SendQueue } from '#lib/operation/queue.ts'
import { catalogKeys } from './catalog-keys.ts'
import type { Catalog } from './catalog.ts'

export interface IssueDeps {
  catalog: Pick<Catalog, 'operations'>
  queueOf: (node: string) => SendQueue
  clock: Pick<Clock, 'now'>
}

export type NewOperation<Kind extends OperationKind = OperationKind> = Pick<
  Operation<Kind>,
  'id' | 'kind' | 'cluster' | 'node' | 'volume' | 'generation' | 'parameters' | 'cause'
> & {
  /** To begin within. Default: an hour. */
  lifeMs?: number | undefined
}

const defaultLifeMs = 3600_000

/** The control plane's own work is done as the message is taken: what is long keeps only its own volume waiting. */
const groupOf = (node: string, command: Command): string =>
  node === controlPlaneNode && command.command === 'perform' ? command.volume : node

/** In the order in which they were issued, node by node. */
export const sendCommand = (queue: SendQueue, node: string, command: Command): Promise<void> =>
  queue.send({
    group: groupOf(node, command),
    deduplicationId: deduplicationId(command),
    body: JSON.stringify(command),
  })

const operationOf = ({ lifeMs = defaultLifeMs, ...wanted }: NewOperation, now: Date): Operation => ({
  ...wanted,
  state: 'queued',
  attempt: 1,
  sentAt: now.toISOString(),
  isCancelRequested: false,
  createdAt: now.toISOString(),
  expiresAt: new Date(now.getTime() + lifeMs).toISOString(),
  heardAt: null,
  endedAt: null,
  sequence: 0,
  progress: null,
  result: null,
  failure: null,
})

/** Safe to repeat. @returns the operation of that id as it is now. */
export const issueOperation =
  ({ catalog, queueOf, clock }: IssueDeps) =>
  async (wanted: NewOperation): Promise<Operation> => {
    const fresh = operationOf(wanted, clock.now())
    const key = catalogKeys.operation(wanted.id)
    const there = (await catalog.operations.create(fresh)) ? fresh : await catalog.operations.get(key)
    const operation = there ?? fresh
    if (operation.state === 'queued')
      await sendCommand(queueOf(operation.node), operation.node, performCommand(operation))
    return operation
  }

/**
 * Asks for an end. It ends when its node says so, at once if it had not taken it on. Safe to repeat, and of no effect on one that
 * has ended. @returns `undefined`: there is none.
 */
export const cancelOperation =
  ({ catalog, queueOf }: IssueDeps) =>
  async (id: string): Promise<Operation | undefined> => {
    const found = await catalog.operations.change(catalogKeys.operation(id), (there) =>
      there && !isEnded(there) ? { ...there, isCancelRequested: true } : undefined,
    )
    if (found && !isEnded(found)) await sendCommand(queueOf(found.node), found.node, cancelCommand(found))
    return found
  }

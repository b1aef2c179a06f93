/**
 * @module perform-operation: the cloud's worker: performs operations on backupstores alone, which need no node.
 *
 * It keeps no journal: the catalog is one, and what it performs may be performed again from the start. A message comes again only when
 * the catalog could not be asked, a report not be recorded, or the process ended first.
 */
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { readCommand, type PerformCommand } from '#lib/operation/command.ts'
import { isEnded, type Failure, type Operation } from '#lib/operation/operation.ts'
import { ProcessEnding } from '#lib/perform/performer.ts'
import type { Permission } from '#lib/perform/worker.ts'
import { handlerOf, type Handler } from './handler.ts'
import { SqsBatch, takeBatch, type BatchResponse } from './sqs-batch.ts'
import { performWatched, type WatchedPerformanceDeps } from './watched-performance.ts'
import { workerReports, type Say, type WorkerReportsDeps } from './worker-reports.ts'

export interface PerformOperationDeps extends WatchedPerformanceDeps, Omit<WorkerReportsDeps, 'clock'> {
  /** @throws when there is no answer: the message comes again. */
  mayBegin: (command: PerformCommand) => Promise<Permission>
  /** Where time ends a process: sends itself the command once more, to go on with what it left. Absent: the message comes again. */
  goOnLater?: ((command: PerformCommand) => Promise<void>) | undefined
}

/** `undefined`: there is none, or it has ended, and nothing is to be done. */
const openOperation = async (
  { catalog, log }: PerformOperationDeps,
  operationId: string,
): Promise<Operation | undefined> => {
  const operation = await catalog.operations.get(catalogKeys.operation(operationId))
  if (operation && !isEnded(operation)) return operation
  log.info('command of no open operation', { operation: operationId, state: operation?.state })
  return undefined
}

const refusalOf = (
  { clock }: PerformOperationDeps,
  { expiresAt }: PerformCommand,
  { state }: Operation,
): Failure | undefined =>
  state === 'queued' && Date.parse(expiresAt) < clock.now().getTime()
    ? { code: 'expired', message: `it was to begin by ${expiresAt}` }
    : undefined

const performIfWanted = async (
  deps: PerformOperationDeps,
  command: PerformCommand,
  operation: Operation,
  say: Say,
): Promise<void> => {
  const permission = await deps.mayBegin(command)
  const isAgain = operation.state === 'running'
  switch (permission.kind) {
    case 'cancelled':
      // What had begun before its process died leaves nothing behind.
      return say(
        isAgain
          ? await performWatched(deps)(command, { isAgain, isCancelled: true }, say)
          : { kind: 'cancelled' },
      )
    case 'not-current':
      return say({ kind: 'failed', failure: { code: 'not-current', message: permission.reason } })
    case 'refused':
      return say({ kind: 'failed', failure: permission.failure })
    case 'go':
      await say({ kind: 'progress', progress: null })
      return say(
        await performWatched(deps)(
          command,
          { isAgain, isCancelled: false, checkpoint: operation.checkpoint },
          say,
        ),
      )
    default:
      return permission satisfies never
  }
}

const performCommand = async (deps: PerformOperationDeps, command: PerformCommand): Promise<void> => {
  const operation = await openOperation(deps, command.operationId)
  if (!operation) return
  const say = workerReports(deps, operation)
  const failure = refusalOf(deps, command, operation)
  try {
    await (failure ? say({ kind: 'refused', failure }) : performIfWanted(deps, command, operation, say))
  } catch (error) {
    if (!(error instanceof ProcessEnding) || !deps.goOnLater) throw error
    await deps.goOnLater(command)
  }
}

/** What is under way already is not ended by a second, unreadable command. */
const refuseUnreadable = async (
  deps: PerformOperationDeps,
  operationId: string | undefined,
  reason: string,
): Promise<void> => {
  deps.log.error('command cannot be read', { operation: operationId, reason })
  const operation = operationId === undefined ? undefined : await openOperation(deps, operationId)
  if (operation?.state !== 'queued') return
  const failure = { code: 'unreadable', message: reason, hint: 'bring all functions to one version' }
  await workerReports(deps, operation)({ kind: 'refused', failure })
}

const takeCommand =
  (deps: PerformOperationDeps) =>
  async (message: unknown): Promise<void> => {
    const read = readCommand(message)
    if (read.kind === 'unreadable') return refuseUnreadable(deps, read.operationId, read.reason)
    // A cancel is in the catalog, where whoever performs looks.
    return read.command.command === 'cancel' ? undefined : performCommand(deps, read.command)
  }

export const performOperationHandler = (deps: PerformOperationDeps): Handler<BatchResponse> =>
  handlerOf({ name: 'perform-operation', schema: SqsBatch }, deps.log, takeBatch(deps.log, takeCommand(deps)))

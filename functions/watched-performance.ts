/**
 * @module watched-performance: performs an operation in the control plane. Meanwhile it says that it lives, and looks whether the
 * operation is still wanted: nobody can call a function that is running.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Catalog } from '#lib/catalog/catalog.ts'
import type { PerformCommand } from '#lib/operation/command.ts'
import type { JsonObject } from '#lib/operation/json.ts'
import type { OperationKind } from '#lib/operation/operation-kinds.ts'
import { isEnded, type OperationProgress } from '#lib/operation/operation.ts'
import type { ReportEvent } from '#lib/operation/report.ts'
import { failureOf, perform, ProcessEnding, type Performer, type Performers } from '#lib/perform/performer.ts'
import type { StorePerformers } from '#lib/perform/store-performers.ts'
import { FunctionError } from './function-error.ts'
import type { Say } from './worker-reports.ts'

export interface WatchedPerformanceDeps {
  catalog: Pick<Catalog, 'operations'>
  performers: StorePerformers
  clock: Clock
  log: Log
  /** Aborted when the process is to end: what is under way is left to be performed again. Absent where only time ends one. */
  ending?: AbortSignal | undefined
}

const lookEveryMs = 5000
/** A sign of life, in looks: each 30 s, as a node's heartbeat. */
const looksPerSign = 6

const unsupported: Performer<OperationKind> = async ({ kind }) => {
  throw new FunctionError('unsupported', `${kind} is not performed by the control plane`, {
    hint: 'ask for it on the node that has the volume',
  })
}

const allPerformers = (performers: StorePerformers): Performers => ({
  'create-volume': unsupported,
  'delete-volume': unsupported,
  'expand-volume': unsupported,
  'attach-volume': unsupported,
  'detach-volume': unsupported,
  'create-snapshot': unsupported,
  'delete-snapshot': unsupported,
  'revert-volume': unsupported,
  'create-backup': unsupported,
  'restore-backup': unsupported,
  ...performers,
})

interface Watched {
  operationId: string
  /** Aborted when it is no longer wanted. */
  controller: AbortController
  checkpoints: Checkpoints
  progress: () => OperationProgress | null
  say: Say
}

/** In the catalog, which is the journal of a worker that has none. */
interface Checkpoints {
  latest(data: JsonObject): void
  /** What is not there yet. */
  write(): Promise<void>
}

const checkpointsOf = ({ catalog }: WatchedPerformanceDeps, operationId: string): Checkpoints => {
  let unwritten: JsonObject | undefined
  return {
    latest: (data) => {
      unwritten = data
    },
    write: async () => {
      const checkpoint = unwritten
      if (!checkpoint) return
      await catalog.operations.change(catalogKeys.operation(operationId), (there) =>
        there && !isEnded(there) ? { ...there, checkpoint } : undefined,
      )
      if (unwritten === checkpoint) unwritten = undefined
    },
  }
}

const look = async (
  { catalog }: WatchedPerformanceDeps,
  { operationId, controller, checkpoints, progress, say }: Watched,
  isTimeForSign: boolean,
): Promise<void> => {
  await checkpoints.write()
  const operation = await catalog.operations.get(catalogKeys.operation(operationId))
  if (!operation || operation.isCancelRequested || isEnded(operation)) controller.abort()
  else if (isTimeForSign) await say({ kind: 'progress', progress: progress() })
}

/** A look that fails ends nothing: the next may not. */
const watch = async (deps: WatchedPerformanceDeps, watched: Watched, signal: AbortSignal): Promise<void> => {
  for (let looks = 1; !signal.aborted; looks++) {
    await deps.clock.sleep(lookEveryMs, signal).catch(() => undefined)
    if (signal.aborted) return
    await look(deps, watched, looks % looksPerSign === 0).catch((error: unknown) => {
      deps.log.warn('operation not looked at', { operation: watched.operationId, error: String(error) })
    })
  }
}

export interface Standing {
  isAgain: boolean
  isCancelled: boolean
  /** Of before. */
  checkpoint?: JsonObject | undefined
}

/** @returns what is to be reported as its end. Whatever fails is one. @throws ProcessEnding. */
export const performWatched =
  (deps: WatchedPerformanceDeps) =>
  async (
    command: PerformCommand,
    { isAgain, isCancelled, checkpoint }: Standing,
    say: Say,
  ): Promise<ReportEvent> => {
    const { operationId, kind } = command
    const { ending, log } = deps
    const controller = new AbortController()
    if (isCancelled) controller.abort()
    const over = new AbortController()
    let progress: OperationProgress | null = null
    const checkpoints = checkpointsOf(deps, operationId)
    const watched = { operationId, controller, checkpoints, progress: () => progress, say }
    const watching = watch(deps, watched, over.signal)
    try {
      const result = await perform(allPerformers(deps.performers), command, {
        signal: ending ? AbortSignal.any([controller.signal, ending]) : controller.signal,
        isAgain,
        checkpoint: checkpoint && { data: checkpoint, appended: new Uint8Array() },
        writeCheckpoint: (data) => checkpoints.latest(data),
        onProgress: (latest) => {
          progress = latest
        },
      })
      return { kind: 'succeeded', result }
    } catch (error) {
      log.info('operation not done', { operation: operationId, kind, error: String(error) })
      if (controller.signal.aborted) return { kind: 'cancelled' }
      if (ending?.aborted) {
        await checkpoints.write()
        throw new ProcessEnding('the process ends', { cause: error })
      }
      return { kind: 'failed', failure: failureOf(error) }
    } finally {
      over.abort()
      await watching
    }
  }

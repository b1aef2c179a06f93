/**
 * @module performer: the port between who takes operations on (an agent, the cloud's worker) and what does them.
 *
 * A performer may be called again for an operation that was under way when its process died: then it has the checkpoint of
 * before, and goes on, or looks what is there and does the rest (operation-kinds.ts says which).
 */
import { CodedError } from '#lib/base/errors.ts'
import type { PerformCommand } from '#lib/operation/command.ts'
import type { Checkpoint } from '#lib/operation/journal.ts'
import type { JsonObject } from '#lib/operation/json.ts'
import type { OperationKind } from '#lib/operation/operation-kinds.ts'
import type { Failure, OperationProgress } from '#lib/operation/operation.ts'

export interface Performance {
  /**
   * Aborted by a cancel, or because the process ends: its reason says which. From the start, when it was cancelled after its
   * process died: what it left is taken back, or, where that is as good, finished.
   */
  signal: AbortSignal
  onProgress: (progress: OperationProgress) => void
  /** It was under way when its process died: some or all of it may be done. */
  isAgain: boolean
  /** Of before that. */
  checkpoint: Checkpoint | undefined
  /** Durable when it returns. */
  writeCheckpoint: (data: JsonObject, append: Uint8Array) => void
}

/** Why a signal is aborted when the process ends: what is under way is left for its next start. */
export class ProcessEnding extends Error {}

/** @returns what is reported as its result. */
export type Performer<Kind extends OperationKind> = (
  command: PerformCommand<Kind>,
  performance: Performance,
) => Promise<JsonObject>

export type Performers = { [Kind in OperationKind]: Performer<Kind> }

/** One of the table, by the command's own kind. */
export const perform = (
  performers: Performers,
  command: PerformCommand,
  performance: Performance,
): Promise<JsonObject> => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table has at each kind its performer
  const performer = performers[command.kind] as Performer<OperationKind>
  return performer(command, performance)
}

export const failureOf = (error: unknown): Failure => {
  if (!(error instanceof CodedError)) return { code: 'internal', message: String(error) }
  const { hint } = error
  return { code: String(error.code), message: error.message, ...(hint !== undefined && { hint }) }
}

/**
 * @module report: what a worker tells of an operation. One of the messages that couple control plane and workers.
 *
 * Numbered by the worker, for each operation from 1, so that a late one never undoes what a later one said.
 */
import * as z from 'zod'
import { Failure, isEnded, OperationProgress, type Operation, type OperationState } from './operation.ts'

export const reportVersion = 1

const ReportEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('accepted') }),
  /** Never begun: schema, expiry, generation, or cancelled before. */
  z.object({ kind: z.literal('refused'), failure: Failure }),
  z.object({ kind: z.literal('progress'), progress: OperationProgress.nullable() }),
  z.object({ kind: z.literal('succeeded'), result: z.record(z.string(), z.json()) }),
  z.object({ kind: z.literal('failed'), failure: Failure }),
  z.object({ kind: z.literal('cancelled') }),
])
export type ReportEvent = z.infer<typeof ReportEvent>

export const Report = z.object({
  version: z.literal(reportVersion),
  operationId: z.string(),
  node: z.string(),
  sequence: z.int().positive(),
  at: z.string(),
  event: ReportEvent,
})
export type Report = z.infer<typeof Report>

const stateAfter: Record<ReportEvent['kind'], OperationState> = {
  accepted: 'accepted',
  refused: 'failed',
  progress: 'running',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
}

export const isEnd = ({ event }: Pick<Report, 'event'>): boolean => isEnded({ state: stateAfter[event.kind] })

/** What an operation is after a report. `undefined`: the report changes nothing, being old, or of one that has ended. */
export const applyReport = (operation: Operation, report: Report): Operation | undefined => {
  if (isEnded(operation) || report.node !== operation.node) return undefined
  if (report.sequence <= operation.sequence && !isEnd(report)) return undefined
  const { event } = report
  return {
    ...operation,
    state: stateAfter[event.kind],
    sequence: report.sequence,
    heardAt: report.at,
    endedAt: isEnd(report) ? report.at : null,
    progress: event.kind === 'progress' ? event.progress : operation.progress,
    result: event.kind === 'succeeded' ? event.result : operation.result,
    failure: event.kind === 'refused' || event.kind === 'failed' ? event.failure : operation.failure,
  }
}

/** @module record-report: takes what workers say of their operations into the catalog, and does what follows from an end. */
import * as z from 'zod'
import type { Log } from '#lib/base/log.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { recordReport, type RecordReportDeps } from '#lib/catalog/record-report.ts'
import { isEnded } from '#lib/operation/operation.ts'
import { applyReport, isEnd, Report } from '#lib/operation/report.ts'
import { afterEnd, changedBy, type AfterEndDeps } from './after-end.ts'
import { handlerOf, type Handler } from './handler.ts'
import { SqsBatch, takeBatch, type BatchResponse } from './sqs-batch.ts'

export interface RecordReportHandlerDeps extends AfterEndDeps {
  catalog: AfterEndDeps['catalog'] & RecordReportDeps['catalog']
  log: Log
}

type IndexOutcome = { kind: 'not-needed' | 'indexed' } | { kind: 'failed'; error: unknown }

/** Who waits for the end, and then looks what there is, finds the backup: so its index comes first. */
const indexBeforeEnd = async (deps: RecordReportHandlerDeps, report: Report): Promise<IndexOutcome> => {
  const there = await deps.catalog.operations.get(catalogKeys.operation(report.operationId))
  const next = there && applyReport(there, report)
  const changed = next && isEnded(next) ? changedBy(next) : undefined
  if (!changed) return { kind: 'not-needed' }
  try {
    await deps.onBackupChanged(changed)
    return { kind: 'indexed' }
  } catch (error) {
    return { kind: 'failed', error }
  }
}

/** What follows from an end may not have happened when it was told first, so it happens each time that it is told. */
const takeReport =
  (deps: RecordReportHandlerDeps) =>
  async (message: unknown): Promise<void> => {
    const read = Report.safeParse(message)
    if (!read.success) {
      // It would be as unreadable the next time, and keep others waiting.
      deps.log.error('report cannot be read; dropped', { reason: z.prettifyError(read.error) })
      return
    }
    const { operationId } = read.data
    const index = await indexBeforeEnd(deps, read.data)
    await recordReport(deps)(read.data)
    // The operation has ended all the same; the report comes again, and with it all that follows.
    if (index.kind === 'failed') throw index.error
    if (!isEnd(read.data)) return
    const operation = await deps.catalog.operations.get(catalogKeys.operation(operationId))
    if (operation && isEnded(operation))
      await afterEnd(deps)(operation, { isIndexed: index.kind === 'indexed' })
  }

export const recordReportHandler = (deps: RecordReportHandlerDeps): Handler<BatchResponse> =>
  handlerOf({ name: 'record-report', schema: SqsBatch }, deps.log, takeBatch(deps.log, takeReport(deps)))

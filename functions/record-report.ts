/** @module record-report: takes what workers say of their operations into the catalog, and does what follows from an end. */
import * as z from 'zod'
import type { Log } from '#lib/base/log.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { recordReport, type RecordReportDeps } from '#lib/catalog/record-report.ts'
import { isEnded } from '#lib/operation/operation.ts'
import { Report } from '#lib/operation/report.ts'
import { afterEnd, type AfterEndDeps } from './after-end.ts'
import { handlerOf, type Handler } from './handler.ts'
import { SqsBatch, takeBatch, type BatchResponse } from './sqs-batch.ts'

export interface RecordReportHandlerDeps extends AfterEndDeps {
  catalog: AfterEndDeps['catalog'] & RecordReportDeps['catalog']
  log: Log
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
    const { event, operationId } = read.data
    await recordReport(deps)(read.data)
    if (event.kind === 'accepted' || event.kind === 'progress') return
    const operation = await deps.catalog.operations.get(catalogKeys.operation(operationId))
    if (operation && isEnded(operation)) await afterEnd(deps)(operation)
  }

export const recordReportHandler = (deps: RecordReportHandlerDeps): Handler<BatchResponse> =>
  handlerOf({ name: 'record-report', schema: SqsBatch }, deps.log, takeBatch(deps.log, takeReport(deps)))

/**
 * @module record-report: takes what a worker says of an operation into the catalog. Any order, any number of times.
 */
import type { Operation } from '#lib/operation/operation.ts'
import { applyReport, type Report } from '#lib/operation/report.ts'
import { catalogKeys } from './catalog-keys.ts'
import type { Catalog } from './catalog.ts'

export interface RecordReportDeps {
  catalog: Pick<Catalog, 'operations' | 'nodes'>
}

const later = (a: string | null, b: string): string => (a !== null && a > b ? a : b)

/** @returns the operation, if the report changed it. Of one that is not there any more a report is nothing. */
export const recordReport =
  ({ catalog }: RecordReportDeps) =>
  async (report: Report): Promise<Operation | undefined> => {
    let isChanged = false
    const after = await catalog.operations.change(catalogKeys.operation(report.operationId), (there) => {
      const next = there && applyReport(there, report)
      isChanged = next !== undefined
      return next
    })
    await catalog.nodes.change(catalogKeys.node(report.node), (node) =>
      node && later(node.heardAt, report.at) !== node.heardAt ? { ...node, heardAt: report.at } : undefined,
    )
    return isChanged ? after : undefined
  }

/** @module send-report: a report as a message: one that is said again has a greater number, and is not swallowed as the same. */
import type { SendQueue } from './queue.ts'
import type { Report } from './report.ts'

export const sendReport = (queue: SendQueue, report: Report): Promise<void> =>
  queue.send({
    group: report.node,
    deduplicationId: `${report.operationId}.${report.sequence}`,
    body: JSON.stringify(report),
  })

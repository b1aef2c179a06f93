/**
 * @module worker-reports: what the cloud's worker says of an operation: numbered on from what the catalog has, sent in order.
 */
import { serial } from '#lib/base/serial.ts'
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import type { Operation } from '#lib/operation/operation.ts'
import { reportVersion, type Report, type ReportEvent } from '#lib/operation/report.ts'

export interface WorkerReportsDeps {
  /** Durable when it returns. */
  sendReport: (report: Report) => Promise<void>
  clock: { now: () => Date }
}

export type Say = (event: ReportEvent) => Promise<void>

export const workerReports = ({ sendReport, clock }: WorkerReportsDeps, operation: Operation): Say => {
  const inTurn = serial()
  let { sequence } = operation
  return (event) =>
    inTurn(() =>
      sendReport({
        version: reportVersion,
        operationId: operation.id,
        node: controlPlaneNode,
        sequence: ++sequence,
        at: clock.now().toISOString(),
        event,
      }),
    )
}

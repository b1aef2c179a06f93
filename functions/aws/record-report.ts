/** @module record-report: woken by the queue of reports. */
import { recordReportHandler } from '../record-report.ts'
import { unlessEnding } from '../unless-ending.ts'
import { onBackupChanged } from './backup-changed.ts'
import { catalog, jobs } from './catalog-on-dynamodb.ts'
import { clock, invoked, log } from './invocation.ts'
import { queueOf } from './queues-on-sqs.ts'

/** A store that does not answer is no reason for the ends in the same batch not to be recorded. */
export const handler = invoked((event, { ending }) =>
  recordReportHandler({
    catalog,
    jobs,
    queueOf,
    onBackupChanged: (changed) => unlessEnding(ending, () => onBackupChanged(changed)),
    clock,
    log,
  })(event),
)

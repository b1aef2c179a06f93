/** @module record-report: woken by the queue of reports. */
import { recordReportHandler } from '../record-report.ts'
import { onBackupChanged } from './backup-changed.ts'
import { catalog, jobs } from './catalog-on-dynamodb.ts'
import { clock, invoked, log } from './invocation.ts'
import { queueOf } from './queues-on-sqs.ts'

const record = recordReportHandler({ catalog, jobs, queueOf, onBackupChanged, clock, log })

export const handler = invoked((event) => record(event))

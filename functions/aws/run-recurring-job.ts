/** @module run-recurring-job: woken by a job's rule. */
import { runRecurringJobHandler } from '../run-recurring-job.ts'
import { catalog, jobs } from './catalog-on-dynamodb.ts'
import { clock, invoked, log } from './invocation.ts'
import { queueOf } from './queues-on-sqs.ts'

const run = runRecurringJobHandler({ catalog, jobs, queueOf, clock, log })

export const handler = invoked((event) => run(event))

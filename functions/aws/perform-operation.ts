/**
 * @module perform-operation: woken by the queue of the control plane's own worker. What time does not suffice for goes on with the next
 * message, which it sends itself.
 */
import { randomUUID } from 'node:crypto'
import { blockWorkers } from '#lib/backup/block-workers.ts'
import { randomIds } from '#lib/base/ids.ts'
import { beginOperation } from '#lib/catalog/begin-operation.ts'
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import type { PerformCommand } from '#lib/operation/command.ts'
import { sendReport } from '#lib/operation/send-report.ts'
import { storePerformers } from '#lib/perform/store-performers.ts'
import { performOperationHandler } from '../perform-operation.ts'
import { catalog } from './catalog-on-dynamodb.ts'
import { clock, invoked, log } from './invocation.ts'
import { reportQueue, workerQueue } from './queues-on-sqs.ts'
import { openForOperation } from './targets.ts'

const performers = storePerformers({
  clock,
  ids: randomIds,
  log,
  workers: blockWorkers(),
  openTarget: openForOperation,
})

const goOnLater = (command: PerformCommand): Promise<void> =>
  workerQueue().send({
    group: command.volume,
    deduplicationId: randomUUID(),
    body: JSON.stringify(command),
  })

const begin = beginOperation({ catalog })

export const handler = invoked((event, { ending }) =>
  performOperationHandler({
    catalog,
    performers,
    mayBegin: async ({ operationId }) => (await begin(operationId, controlPlaneNode)).permission,
    goOnLater,
    sendReport: (report) => sendReport(reportQueue(), report),
    ending,
    clock,
    log,
  })(event),
)

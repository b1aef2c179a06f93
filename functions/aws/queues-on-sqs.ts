/** @module queues-on-sqs: commands and reports, in the stack's queues and in those that were made for nodes. */
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import type { Queue } from '#lib/operation/queue.ts'
import { sqsClient } from '#lib/operation/sqs-client.ts'
import { nodeQueueUrl } from '#lib/operation/sqs-node-queues.ts'
import { sqsQueue } from '#lib/operation/sqs-queue.ts'
import { clock, log } from './invocation.ts'
import { setting } from './settings.ts'

export const client = sqsClient()

const queueAt = (url: string, isFifo: boolean): Queue => sqsQueue({ client, clock, log }, { url, isFifo })

export const workerQueue = (): Queue => queueAt(setting('DROVER_WORKER_QUEUE_URL'), true)

export const reportQueue = (): Queue => queueAt(setting('DROVER_REPORT_QUEUE_URL'), false)

/** Commands, by node; those of the control plane's own worker too. */
export const queueOf = (node: string): Queue =>
  node === controlPlaneNode ? workerQueue() : queueAt(nodeQueueUrl(nodePlace(), node), true)

const nodePlace = () => ({
  baseUrl: setting('DROVER_QUEUES_URL'),
  prefix: setting('DROVER_NODE_QUEUE_PREFIX'),
})

/**
 * @module node-request-scenarios: what a node asks the API, and tells it, each until it is done.
 */
import { DeleteQueueCommand } from '@aws-sdk/client-sqs'
import * as z from 'zod'
import { QueueAnswer } from '#lib/api/node-messages.ts'
import { MiB } from '#lib/base/sizes.ts'
import { nothingMore, request } from './requested.ts'
import { ended, type Scenario } from './scenarios.ts'
import { addOperation, newerBackupParameters, node, reportOf, type Estate } from './small-estate.ts'

const addBackingUp = ({ world }: Estate) => addOperation(world, 'create-backup', newerBackupParameters)

const Vended = z.object({
  kind: z.literal('go'),
  access: z.object({ settings: z.object({ AWS_SESSION_TOKEN: z.string() }) }),
})

const beginning = request(
  'beginning a backup',
  [/^row operation RUN .*create-backup/m],
  async (estate) => {
    const { id } = await addBackingUp(estate)
    return async () => Vended.parse(await estate.asNode('POST', `/v1/node/operations/${id}/begin`))
  },
  nothingMore,
)

const reporting: Scenario = {
  name: 'reports of a node',
  of: 'api',
  leaves: [/^row operation RUN .*succeeded/m, /^row volume primary#web .*loop7/m],
  arrange: async (estate) => {
    const operation = await addOperation(estate.world, 'attach-volume', { isMaintenance: false })
    const events = [
      { kind: 'accepted' as const },
      { kind: 'succeeded' as const, result: { path: '/dev/loop7' } },
    ]
    const reports = events.map((event, at) => reportOf(operation, at + 1, event))
    const told = request(
      '',
      [],
      async () => () => estate.report(reports),
      async () => {
        await ended(estate, operation.id)
        await estate.world.quiet()
      },
    )
    return told.arrange(estate)
  },
}

const inventory = {
  process: 'process-of-test',
  number: 1,
  volumes: ['web', 'by-hand'].map((name) => ({
    name,
    sizeBytes: MiB,
    actualSizeBytes: 0,
    state: 'detached',
    path: null,
    createdAt: '2026-01-01T00:00:00Z',
    snapshots: [
      {
        name: `${name}-snapshot`,
        parent: null,
        createdAt: '2026-01-01T00:00:00Z',
        isUserCreated: true,
        labels: {},
        sizeBytes: 0,
        consistency: 'at-rest',
      },
    ],
  })),
}

const beating = request(
  'a heartbeat with an inventory',
  [
    /^row node node-1 .*process-of-test/m,
    /^row operation RUN .*"heardAt":"TIME"/m,
    /^row volume primary#by-hand/m,
    /^row volume primary#db .*missing/m,
    /^row .*web-snapshot/m,
  ],
  async (estate) => {
    const { id } = await addBackingUp(estate)
    const pool = { kind: 'btrfs', totalBytes: 4 * MiB, availableBytes: MiB, promisedBytes: 0 }
    const body = { version: '1', pool, running: [id], inventory }
    return () => estate.asNode('POST', '/v1/node/heartbeat', { body })
  },
  nothingMore,
)

const gettingQueue = request(
  'credentials for a removed queue',
  [/^queue drover-node-node-1/m],
  async ({ asNode, world: { sqs, nodeQueueUrl } }) => {
    await sqs.send(new DeleteQueueCommand({ QueueUrl: nodeQueueUrl(node) }))
    return async () => QueueAnswer.parse(await asNode('POST', '/v1/node/queue'))
  },
  nothingMore,
)

export const nodeRequestScenarios: readonly Scenario[] = [beginning, reporting, beating, gettingQueue]

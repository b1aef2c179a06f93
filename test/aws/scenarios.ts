/**
 * @module scenarios: what functions are woken for, each until it is done: what failed happens again, as on AWS.
 */
import { EventBridgeClient, PutRuleCommand } from '@aws-sdk/client-eventbridge'
import { systemClock } from '#lib/base/clock.ts'
import { silentLog } from '#lib/base/log.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { sendCommand } from '#lib/catalog/issue-operation.ts'
import { performCommand } from '#lib/operation/command.ts'
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import { isEnded, type Operation } from '#lib/operation/operation.ts'
import { sqsQueue } from '#lib/operation/sqs-queue.ts'
import { customEvent, objectEvent } from './event-shapes.ts'
import { stackName, type FunctionName } from './local-aws.ts'
import { deliverEvent } from './pump.ts'
import {
  addBackup,
  addOperation,
  addVolume,
  backupParameters,
  cluster,
  job,
  keysOfWeb,
  newerBackup,
  newerBackupParameters,
  node,
  olderBackup,
  reportOf,
  target,
  type Estate,
} from './small-estate.ts'
import { until } from './until.ts'

export interface Scenario {
  name: string
  /** Whose calls are meant. */
  of: FunctionName
  /** Of one that nothing disturbed: that it does what it is for. */
  leaves: readonly RegExp[]
  /** @returns what happens, to its end. */
  arrange: (estate: Estate) => Promise<() => Promise<void>>
}

export const ended = ({ world: { catalog } }: Estate, id: string): Promise<Operation> =>
  until(`the end of ${id}`, async () => {
    const operation = await catalog.operations.get(catalogKeys.operation(id))
    return operation && isEnded(operation) ? operation : undefined
  })

let hours = 0
const hourMs = 3600_000

/** Another hour each time: queues swallow the same command for minutes. */
const nextHour = (): string => new Date(Date.parse('2027-01-01T00:00:00Z') + hourMs * ++hours).toISOString()

const tick: Scenario = {
  name: 'a tick of a job with two volumes',
  of: 'run-recurring-job',
  leaves: [
    /^row run#hourly .*_primary_db.*_primary_web/m,
    /^command .*hourly_primary_db/m,
    /^command .*hourly_primary_web/m,
  ],
  arrange: async ({ aws }) => {
    const event = { job, time: nextHour() }
    return () => deliverEvent(aws.functions['run-recurring-job'], event)
  },
}

const report: Scenario = {
  name: 'the report of a backup that was made',
  of: 'record-report',
  leaves: [
    /^row backup#s3#web backup-newer/m,
    /^row operation RUN .*succeeded/m,
    /^command .*RUN_delete_NAME.*backup-older/m,
  ],
  arrange: async (estate) => {
    const minute = nextHour()
    const cause = { kind: 'job', job, minute } as const
    const operation = await addOperation(estate.world, 'create-backup', newerBackupParameters, {
      state: 'running',
      sequence: 2,
      cause,
    })
    return async () => {
      await estate.report([reportOf(operation, 3, { kind: 'succeeded', result: { outcome: 'made' } })])
      await ended(estate, operation.id)
      await estate.world.quiet()
    }
  },
}

const objectWritten: Scenario = {
  name: 'an object event of a backup',
  of: 'index-backup',
  leaves: [/^row backup#s3#web backup-newer/m, /^row backup-volume#s3 web/m],
  arrange: async ({ aws }) => {
    const key = keysOfWeb.backupConfig(newerBackup)
    const event = objectEvent({ bucket: aws.bucket, key, isDeletion: false })
    return () => deliverEvent(aws.functions['index-backup'], event)
  },
}

const objectRemoved: Scenario = {
  name: 'an object event of a removed backup',
  of: 'index-backup',
  leaves: [/^row backup#s3#web backup-newer/m, /^(?![^]*row backup#s3#web backup-older)/],
  arrange: async ({ aws, world }) => {
    for (const name of [olderBackup, newerBackup]) await addBackup(world, { target, name })
    const key = keysOfWeb.backupConfig(olderBackup)
    await world.store.deleteMany([key])
    const event = objectEvent({ bucket: aws.bucket, key, isDeletion: true })
    return () => deliverEvent(aws.functions['index-backup'], event)
  },
}

const lookDue: Scenario = {
  name: 'a look at a whole target',
  of: 'index-backup',
  leaves: [
    /^row backup#s3#web backup-older/m,
    /^row backup#s3#web backup-newer/m,
    /^row backup-volume#s3 web/m,
    /^(?![^]*gone)/,
  ],
  arrange: async ({ aws, world }) => {
    await addBackup(world, { target, name: 'backup-gone' })
    await addBackup(world, { target, volume: 'gone' })
    const event = customEvent('drover', 'Target Look Due', { target })
    return () => deliverEvent(aws.functions['index-backup'], event)
  },
}

const later = (time: string | null, byMs: number) =>
  time === null ? null : new Date(Date.parse(time) - byMs).toISOString()

/** As if a quarter of an hour had passed, in which the node was heard from. */
export const passQuarter = async (estate: Estate): Promise<void> => {
  const { catalog } = estate.world
  const quarterMs = 15 * 60_000
  for await (const { id } of catalog.operations.all({ partition: catalogKeys.operation('x').partition }))
    await catalog.operations.change(
      catalogKeys.operation(id),
      (there) => there && { ...there, sentAt: later(there.sentAt, quarterMs) ?? '' },
    )
  await catalog.targets.change(
    catalogKeys.target(target),
    (there) => there && { ...there, createdAt: later(there.createdAt, quarterMs) ?? '' },
  )
  await heard(estate)
}

export const heard = async ({ world: { catalog } }: Pick<Estate, 'world'>): Promise<void> => {
  const heardAt = new Date().toISOString()
  await catalog.nodes.change(catalogKeys.node(node), (there) => there && { ...there, heardAt })
}

const rounds = 3

const reconcile: Scenario = {
  name: 'reconcile, with something to do in each of its checks',
  of: 'reconcile',
  leaves: [/^command .*RUN/m, /^rule .*drover-job-ruleless/m, /^row target s3 .*indexedAt":"TIME/m],
  arrange: async (estate) => {
    const { aws, world } = estate
    const moto = new EventBridgeClient(aws.oracles.moto.clientSettings)
    await moto.send(
      new PutRuleCommand({ Name: `${stackName}-job-stray`, ScheduleExpression: 'cron(0 1 * * ? *)' }),
    )
    await world.jobs.create({
      name: 'ruleless',
      task: 'backup',
      cron: '30 2 * * *',
      retain: 2,
      labels: {},
      groups: [],
      isEnabled: true,
    })
    await addOperation(world, 'attach-volume', { isMaintenance: false })
    await addVolume(world, 'left')
    await world.catalog.volumes.change(
      catalogKeys.volume(cluster, 'left'),
      (there) => there && { ...there, state: 'creating' },
    )
    await world.catalog.targets.change(
      catalogKeys.target(target),
      (there) => there && { ...there, createdAt: new Date().toISOString(), indexedAt: null },
    )
    await heard(estate)
    return async () => {
      for (let round = 1; round <= rounds; round++) {
        const isDone = await aws.reconcile().then(
          () => true,
          () => false,
        )
        if (isDone) break
        await passQuarter(estate)
      }
      await until('the look at the target', async () => {
        const there = await world.catalog.targets.get(catalogKeys.target(target))
        return there?.indexedAt ?? undefined
      })
      await estate.eventsTaken()
    }
  },
}

const worker = ({ world: { sqs, queueUrl } }: Estate) =>
  sqsQueue({ client: sqs, clock: systemClock, log: silentLog }, { url: queueUrl('worker'), isFifo: true })

const [ofWeb, byWorker] = [{ target, backupVolume: 'web' }, { node: controlPlaneNode }]
const { lock } = backupParameters

const performed = async (estate: Estate, operation: Operation): Promise<void> => {
  await sendCommand(worker(estate), controlPlaneNode, performCommand(operation))
  await ended(estate, operation.id)
  await estate.world.quiet()
}

const onStore = (
  name: string,
  leaves: readonly RegExp[],
  prepare: (estate: Estate) => Promise<Operation>,
): Scenario => ({
  name,
  of: 'perform-operation',
  leaves: [/^row operation RUN .*succeeded/m, ...leaves],
  arrange: async (estate) => {
    const operation = await prepare(estate)
    return () => performed(estate, operation)
  },
})

const verification = onStore('a verification of the control plane', [], ({ world }) =>
  addOperation(world, 'verify-backup', { ...ofWeb, backup: olderBackup }, byWorker),
)

export const deletion = onStore(
  'a deletion of the control plane',
  [/^(?![^]*backup_backup-older\.cfg)/],
  ({ world }) => addOperation(world, 'delete-backup', { ...ofWeb, backup: olderBackup, lock }, byWorker),
)

const unusedBlock = keysOfWeb.block('0'.repeat(64))

export const collection = onStore(
  'a collection of the control plane',
  [/^object .*\.blk$/m, /^(?![^]*blocks\/00\/00\/)/],
  async ({ world }) => {
    await world.store.put(unusedBlock, Buffer.from('of no backup'))
    return addOperation(world, 'collect-blocks', { ...ofWeb, lock }, byWorker)
  },
)

/** What is left of it when it is to be left in good order (functions/aws/invocation.ts). */
const noTimeMs = 30_000

/** The first message finds no time; what the function sends itself for it does. */
const goingOn: Scenario = {
  name: 'a verification that goes on later',
  of: 'perform-operation',
  leaves: [/^row operation RUN .*"checkpoint":.*succeeded/m],
  arrange: async (estate) => {
    const { aws, world } = estate
    const operation = await addOperation(world, 'verify-backup', { ...ofWeb, backup: olderBackup }, byWorker)
    const { arrange } = aws
    const perform = aws.functions['perform-operation']
    const { timeoutMs } = perform
    let first: string | undefined
    return async () => {
      aws.arrange = (happened, what) => {
        const message: unknown = happened[0]
        if (what === 'worker' && message) {
          const id = String(Reflect.get(message, 'MessageId'))
          first ??= id
          perform.timeoutMs = id === first ? noTimeMs : timeoutMs
        }
        return arrange(happened, what)
      }
      await performed(estate, operation).finally(() => {
        Object.assign(aws, { arrange })
        perform.timeoutMs = timeoutMs
      })
    }
  },
}

export const quickScenarios: readonly Scenario[] = [tick, report, objectWritten, reconcile, verification]
export const furtherScenarios: readonly Scenario[] = [objectRemoved, lookDue, goingOn]

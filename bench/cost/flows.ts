/**
 * @module flows: an installation on the local stack, with a primary node, a volume on it and a standby node, and what is measured of it:
 * hourly backups until each deletes one, a deletion that collects, a restore on the standby's node, and what goes on when nothing does.
 */
import { randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import * as z from 'zod'
import type { OperationView } from '#lib/api/views.ts'
import { systemClock } from '#lib/base/clock.ts'
import { gathered } from '#lib/base/gathered.ts'
import { KiB, MiB } from '#lib/base/sizes.ts'
import { catalog as catalogOver, type Catalog } from '#lib/catalog/catalog.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { dynamodbClient } from '#lib/catalog/dynamodb-client.ts'
import { dynamodbItemStore } from '#lib/catalog/dynamodb-item-store.ts'
import { customEvent } from '#test/aws/event-shapes.ts'
import { stackName, type LocalAws } from '#test/aws/local-aws.ts'
import type { Recording, RecordedStack } from './recorded-stack.ts'

const blockBytes = 2 * MiB
/** Enough for what changes in an hour. */
const volumeBlocks = 64
const firstHourMs = Date.parse('2026-01-01T00:00:00Z')
const hourMs = 3600_000

export interface FlowSettings {
  retain: number
  changedBlocks: number
}

export interface Flows {
  /** Each makes a backup and deletes one, and collects nothing. */
  incrementals: Recording[]
  /** As these, and it collects. */
  collecting: Recording
  restore: Recording
  reconciles: Recording
  look: Recording
  /** With nothing to tell. */
  heartbeats: Recording
  /** That tell all that a node holds, and nothing new. */
  inventories: Recording
  /** A node asks for its queue. */
  queues: Recording
  /** Of an idle node, as the functions tell it. */
  heartbeatSeconds: number
}

const until = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
  for (const untilMs = Date.now() + 120_000; Date.now() < untilMs;) {
    const found = await look()
    if (found !== undefined) return found
    await systemClock.sleep(100)
  }
  throw new Error(`waited too long for ${what}`)
}

/** Nothing was asked for a while: what followed from what was done is done too. */
const quiet = async (aws: LocalAws): Promise<void> => {
  for (let before = -1; before !== aws.calls.length;) {
    before = aws.calls.length
    await systemClock.sleep(2000)
  }
}

const done = async ({ client }: LocalAws, asked: Promise<OperationView>): Promise<OperationView> => {
  const { id } = await asked
  const ended = await until(`the end of ${id}`, async () => {
    const operation = await client.operations.show(id)
    return operation.endedAt === null ? undefined : operation
  })
  if (ended.state === 'succeeded') return ended
  throw new Error(`operation ${id} ${ended.state}: ${ended.failure?.message}`)
}

/** A little of each block: all of it is sent. */
const changeBlocks = async (path: string, count: number): Promise<void> => {
  await using file = await open(path, 'r+')
  for (let block = 0; block < count; block++)
    await file.write(randomBytes(4 * KiB), 0, 4 * KiB, block * blockBytes)
  await file.sync()
}

const setUp = async (aws: LocalAws, { retain }: FlowSettings) => {
  const { client } = aws
  await client.targets.create({ name: 's3', url: `s3://${aws.bucket}@us-east-1/`, credential: null })
  await client.settings.put('default-backup-target', 's3')
  await client.jobs.put('hourly', { task: 'backup', cron: '0 * * * *', retain, groups: ['default'] })
  const sizeBytes = volumeBlocks * blockBytes
  await done(aws, client.volumes.create({ cluster: 'primary', name: 'web', sizeBytes }))
  await done(aws, client.volumes.attach('primary', 'web'))
  const { path, backupVolume } = await client.volumes.show('primary', 'web')
  if (path === null || backupVolume === null) throw new Error('the volume has no device, or no backup volume')
  await changeBlocks(path, volumeBlocks)
  return { path, backupVolume }
}

/** The hour's tick, and the end of its backup. */
const backUp = async (aws: LocalAws, hour: number): Promise<void> => {
  const minute = new Date(firstHourMs + hour * hourMs)
  await aws.tick(minute)
  const id = await until('the run', async () => {
    const runs = await gathered(aws.client.jobs.runs('hourly'))
    return runs.find((run) => run.minute === minute.toISOString())?.outcomes[0]?.operationId ?? undefined
  })
  await done(aws, aws.client.operations.show(id))
}

const catalogOf = (aws: LocalAws): Catalog => {
  const client = dynamodbClient(aws.oracles.dynamodb.settings)
  return catalogOver(dynamodbItemStore({ client, clock: systemClock }, { table: `${stackName}-Table` }))
}

/** A month's operations are more than the functions look back: they are there from the start, as ended ones. */
const seedHistory = async (aws: LocalAws, count: number): Promise<void> => {
  const { operations } = catalogOf(aws)
  const { partition } = catalogKeys.operationOfVolume('primary', 'web', 'x')
  const { values } = await operations.list({ index: 'first', partition, order: 'descending', limit: 10 })
  const backup = values.find(({ kind }) => kind === 'create-backup')
  if (!backup) throw new Error('there is no backup to make a history of')
  const before = (at: number) => new Date(firstHourMs - (at + 1) * hourMs).toISOString()
  for (let at = 0; at < count; at++)
    await operations.create({
      ...backup,
      id: `${before(at).replaceAll(/[-:]|\.\d+/g, '')}_hourly_primary_web`,
      createdAt: before(at),
      endedAt: before(at),
    })
}

const lookedBack = 200
const repeated = 10

/** An agent's request once more, with another body: its token is in it. */
const again =
  (aws: LocalAws, stack: RecordedStack, request: string) =>
  async (bodyOf: (body: string, time: number) => string): Promise<unknown> => {
    const asked = stack.invocations.findLast(
      (each) => each.request === request && each.body.includes(marks[request] ?? ''),
    )
    if (!asked) throw new Error(`no agent asked for ${request}`)
    let answer: unknown
    for (let time = 1; time <= repeated; time++) {
      const body = Buffer.from(bodyOf(asked.body, time)).toString('base64')
      answer = await aws.functions.api.invoke({ ...Object(asked.event), body, isBase64Encoded: true })
    }
    return answer
  }

const heartbeat = 'POST /v1/node/heartbeat'
const queue = 'POST /v1/node/queue'
const marks: Record<string, string> = { [heartbeat]: '"inventory"' }

const Told = z.looseObject({ inventory: z.looseObject({ number: z.number() }) })

const withoutInventory = (body: string): string => {
  const { inventory: _, ...rest } = Told.parse(JSON.parse(body))
  return JSON.stringify(rest)
}

const withSameInventory = (body: string, time: number): string => {
  const { inventory, ...rest } = Told.parse(JSON.parse(body))
  return JSON.stringify({ ...rest, inventory: { ...inventory, number: inventory.number + time } })
}

const QueueAnswer = z.object({
  body: z
    .string()
    .transform((body) => z.object({ idleHeartbeatSeconds: z.number() }).parse(JSON.parse(body))),
})

const measureIdle = async (aws: LocalAws, stack: RecordedStack) => {
  let answer: unknown
  const look = customEvent('drover', 'Target Look Due', { stack: stackName, target: 's3' })
  return {
    heartbeats: await stack.during(() => again(aws, stack, heartbeat)(withoutInventory)),
    inventories: await stack.during(() => again(aws, stack, heartbeat)(withSameInventory)),
    queues: await stack.during(async () => {
      answer = await again(aws, stack, queue)((body) => body)
    }),
    heartbeatSeconds: QueueAnswer.parse(answer).body.idleHeartbeatSeconds,
    reconciles: await stack.during(async () => {
      for (let minute = 0; minute < repeated; minute++) await aws.reconcile()
    }),
    look: await stack.during(async () => {
      await aws.functions['index-backup'].invoke(look)
    }),
  }
}

const measureRestore = async (aws: LocalAws, backupVolume: string): Promise<void> => {
  const [backup] = await gathered(aws.client.backups.list('s3', backupVolume))
  if (!backup) throw new Error('there is no backup to restore')
  const from = { target: 's3', backupVolume, backup: backup.name }
  await done(aws, aws.client.backups.restore({ ...from, cluster: 'standby', volume: 'copy' }))
  await quiet(aws)
}

export const measureFlows = async (
  aws: LocalAws,
  stack: RecordedStack,
  settings: FlowSettings,
): Promise<Flows> => {
  const { retain, changedBlocks } = settings
  const { path, backupVolume } = await setUp(aws, settings)
  const hourly = async (hour: number, changed: number) => {
    await changeBlocks(path, changed)
    await backUp(aws, hour)
  }
  await hourly(0, 1)
  await seedHistory(aws, lookedBack)
  for (let hour = 1; hour < retain; hour++) await hourly(hour, 1)
  await quiet(aws)
  const recorded = (hour: number) =>
    stack.during(async () => {
      await hourly(hour, changedBlocks)
      await quiet(aws)
    })
  return {
    // The first that there is too much of what is kept, and none was collected for a day.
    collecting: await recorded(retain),
    incrementals: [await recorded(retain + 1), await recorded(retain + 2), await recorded(retain + 3)],
    restore: await stack.during(() => measureRestore(aws, backupVolume)),
    ...(await measureIdle(aws, stack)),
  }
}

/**
 * @module local-aws: the packaged functions on this machine, as a stack of them is on AWS: with the environment that the template gives each,
 * woken by a pump, over third parties' servers. Every call that they make is seen.
 *
 * No oracle runs functions: what wakes them is ours (pump.ts), in AWS's shapes. DynamoDB Local has the catalog, ElasticMQ the
 * queues, moto the rules, the secrets and the STS of nodes, MinIO the bucket and the STS of backups, which it enforces.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateTableCommand,
  type DynamoDBClient,
  type CreateTableCommandInput,
  ResourceInUseException,
} from '@aws-sdk/client-dynamodb'
import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
} from '@aws-sdk/client-s3'
import { CreateQueueCommand, type SQSClient } from '@aws-sdk/client-sqs'
import * as z from 'zod'
import { apiClient, type ApiClient } from '#lib/api/client.ts'
import { requests } from '#lib/api/requests.ts'
import { systemClock } from '#lib/base/clock.ts'
import { dynamodbClient } from '#lib/catalog/dynamodb-client.ts'
import { s3Client } from '#lib/object-store/s3-client.ts'
import { sqsClient } from '#lib/operation/sqs-client.ts'
import { startDynamodbLocal, type DynamodbLocal } from '#test/oracles/dynamodb-local.ts'
import { startElasticmq, type Elasticmq } from '#test/oracles/elasticmq.ts'
import { startMinio, type Minio } from '#test/oracles/minio.ts'
import { startMoto, type Moto } from '#test/oracles/moto.ts'
import { bundleFolder, packagedTemplate, type JsonRecord } from '#test/template/packaged-template.ts'
import { account, region, resolvedStack, type ResolvedStack } from '#test/template/resolved-stack.ts'
import type { AwsCall, AwsService } from './aws-calls.ts'
import { startAwsProxy, type Answer, type Answered, type AwsProxy } from './aws-proxy.ts'
import {
  customEvent,
  httpEvent,
  matchesPattern,
  objectEvent,
  toldByS3,
  type Pattern,
} from './event-shapes.ts'
import { functionProcess, type FunctionProcess } from './function-process.ts'
import { minioSession } from './minio-sessions.ts'
import { deliverEvent, pumpQueue, ticksOf, type QueueToPump } from './pump.ts'

export const functionNames = [
  'run-recurring-job',
  'index-backup',
  'record-report',
  'reconcile',
  'perform-operation',
  'api',
] as const
export type FunctionName = (typeof functionNames)[number]

export interface SeenCall extends AwsCall {
  /** `session`: by credentials that were handed out. */
  by: FunctionName | 'session'
  /** Through whose proxy. */
  of: FunctionName
  status: number
}

/** Ticks of rules, events of the bus, messages of a queue. */
export type Happening = 'ticks' | 'events' | 'reports' | 'worker'

export interface LocalAws {
  url: string
  client: ApiClient
  stack: ResolvedStack
  functions: Record<FunctionName, FunctionProcess>
  minio: Minio
  bucket: string
  calls: SeenCall[]
  /** Where processes beside the functions find S3. */
  s3Url: string
  /** Before a call of a function goes on. */
  onCall?: ((call: AwsCall, of: FunctionName) => Promise<Answer | undefined>) | undefined
  /** When it was answered, and the function does not know it yet. */
  onAnswer?: ((call: AwsCall, of: FunctionName) => Promise<void>) | undefined
  /** May repeat and reorder what happened; what it leaves out happens again. */
  arrange: <T>(happened: T[], what: Happening) => T[]
  /** S3 wakes the function itself, as the template's own bucket does; else through EventBridge. */
  isToldByS3?: boolean | undefined
  /** Behind the functions. */
  oracles: Oracles
  /** The rules that are due in it fire. */
  tick(minute: Date): Promise<void>
  reconcile(): Promise<void>
  token(role: string): Promise<string>
  stop(): Promise<void>
}

export const stackName = 'drover'
const bucket = 'backups'

const textOf = (value: unknown): string => {
  if (typeof value === 'string') return value
  throw new Error(`not a text: ${JSON.stringify(value)}`)
}

const ofType = (stack: ResolvedStack, type: string) =>
  Object.values(stack.resources)
    .filter(({ Type }) => Type === type)
    .map(({ Properties }) => Properties)

const functionOf = (stack: ResolvedStack, name: FunctionName): JsonRecord => {
  const found = ofType(stack, 'AWS::Lambda::Function').find(
    ({ FunctionName }) => FunctionName === `${stackName}-${name}`,
  )
  if (found) return found
  throw new Error(`the template has no function ${name}`)
}

const queueUrls = `https://sqs.${region}.amazonaws.com/${account}/`

const Environment = z.object({ Variables: z.record(z.string(), z.string()) })

/** What the template gives it, its queues at the proxy. */
const envOf = (stack: ResolvedStack, name: FunctionName, proxy: AwsProxy, minio: Minio) => {
  const { Variables } = Environment.parse(functionOf(stack, name)['Environment'])
  const local = Object.entries(Variables).map(([key, value]) => [
    key,
    value.replace(queueUrls, `${proxy.url}/${account}/`),
  ])
  return {
    ...(Object.fromEntries(local) as Record<string, string>),
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: minio.accessKey,
    AWS_SECRET_ACCESS_KEY: minio.secretKey,
    AWS_ENDPOINT_URL: proxy.url,
  }
}

const createTables = async (stack: ResolvedStack, client: DynamoDBClient): Promise<void> => {
  for (const properties of ofType(stack, 'AWS::DynamoDB::Table')) {
    const { AttributeDefinitions, KeySchema, GlobalSecondaryIndexes, BillingMode } = properties
    const shape = { AttributeDefinitions, KeySchema, GlobalSecondaryIndexes, BillingMode }
    const TableName = textOf(properties['TableName'] ?? `${stackName}-Table`)
    await client
      .send(new CreateTableCommand({ TableName, ...shape } as unknown as CreateTableCommandInput))
      // A slow one is asked for again by the SDK.
      .catch((error: unknown) => {
        if (!(error instanceof ResourceInUseException)) throw error
      })
  }
}

/** So short that what failed comes again at once. */
const visibilitySeconds = '2'

const createQueues = async (stack: ResolvedStack, client: SQSClient): Promise<void> => {
  const queues = Object.entries(stack.resources).filter(([, { Type }]) => Type === 'AWS::SQS::Queue')
  for (const [id, { Properties }] of queues) {
    const isFifo = Properties['FifoQueue'] === true
    const QueueName = textOf(Properties['QueueName'] ?? `${stackName}-${id}`)
    const Attributes = { VisibilityTimeout: visibilitySeconds, ...(isFifo && { FifoQueue: 'true' }) }
    await client.send(new CreateQueueCommand({ QueueName, Attributes }))
  }
}

/** As the template's: with versions. */
const createBucket = async (minio: Minio): Promise<void> => {
  const { endpoint, accessKey, secretKey } = minio
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey }
  const s3 = s3Client({ region, endpoint, credentials })
  await s3.send(new CreateBucketCommand({ Bucket: bucket }))
  const VersioningConfiguration = { Status: 'Enabled' as const }
  await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }))
  const configuration = {
    QueueArn: 'arn:minio:sqs::DROVER:webhook',
    Events: ['s3:ObjectCreated:*' as const, 's3:ObjectRemoved:*' as const],
  }
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: bucket,
      NotificationConfiguration: { QueueConfigurations: [configuration] },
    }),
  )
  s3.destroy()
}

const MinioEvent = z.object({
  EventName: z.string(),
  Records: z.array(
    z.object({
      s3: z.object({ bucket: z.object({ name: z.string() }), object: z.object({ key: z.string() }) }),
    }),
  ),
})

/** MinIO's notification, as EventBridge would tell it of S3. */
const objectEventsOf = (body: Buffer) => {
  const { EventName, Records } = MinioEvent.parse(JSON.parse(body.toString()))
  return Records.map(({ s3 }) =>
    objectEvent({
      bucket: s3.bucket.name,
      key: decodeURIComponent(s3.object.key.replaceAll('+', ' ')),
      isDeletion: EventName.includes('Removed'),
    }),
  )
}

const PutEvents = z.object({
  Entries: z.array(z.object({ Source: z.string(), DetailType: z.string(), Detail: z.string() })),
})

const HttpAnswer = z.object({
  statusCode: z.number(),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.string().optional(),
  isBase64Encoded: z.boolean().optional(),
})

const loops = () => {
  const stopping = new AbortController()
  const running: Promise<void>[] = []
  return {
    start: (work: () => Promise<number>) => {
      const run = async () => {
        while (!stopping.signal.aborted) if ((await work().catch(() => 0)) === 0) await systemClock.sleep(50)
      }
      running.push(run())
    },
    stop: async () => {
      stopping.abort()
      await Promise.all(running)
    },
  }
}

const listening = (server: ReturnType<typeof createServer>): Promise<string> =>
  new Promise((done) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      done(`http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`)
    })
  })

export interface Oracles {
  minio: Minio
  elasticmq: Elasticmq
  moto: Moto
  dynamodb: DynamodbLocal
}

const startOracles = async (opened: AsyncDisposableStack, webhook: string): Promise<Oracles> => {
  const [minio, dynamodb, elasticmq, moto] = await Promise.all([
    startMinio({
      MINIO_NOTIFY_WEBHOOK_ENABLE_DROVER: 'on',
      MINIO_NOTIFY_WEBHOOK_ENDPOINT_DROVER: webhook,
    }),
    startDynamodbLocal(),
    startElasticmq({ hasRealTime: true }),
    startMoto(),
  ])
  for (const each of [minio, dynamodb, elasticmq, moto]) opened.defer(() => each.stop())
  return { minio, dynamodb, elasticmq, moto }
}

/** What a test may look at and change while the stack runs. */
type Seen = Pick<LocalAws, 'isToldByS3' | 'calls' | 'onCall' | 'onAnswer' | 'arrange'>

const upstreamsOf = ({ minio, dynamodb, elasticmq, moto }: Oracles) => {
  const upstreams: Record<AwsService, string> = {
    dynamodb: textOf(dynamodb.settings.endpoint),
    sqs: textOf(elasticmq.settings.endpoint),
    events: moto.clientSettings.endpoint,
    secretsmanager: moto.clientSettings.endpoint,
    sts: moto.clientSettings.endpoint,
    s3: minio.endpoint,
  }
  return ({ service }: AwsCall): string => upstreams[service]
}

/** No oracle takes events to functions: they are taken here. */
const takenEvents = (call: AwsCall, pending: unknown[]): Answer => {
  const { Entries } = PutEvents.parse(call.input)
  for (const { Source, DetailType, Detail } of Entries)
    pending.push(customEvent(Source, DetailType, JSON.parse(Detail) as object))
  return { status: 200, body: { FailedEntryCount: 0, Entries: Entries.map(() => ({ EventId: 'e' })) } }
}

/** What no oracle takes as it is. */
const answerHere = async (
  call: AwsCall,
  { minio }: Oracles,
  pending: unknown[],
): Promise<Answer | undefined> => {
  if (call.operation === 'PutEvents') return takenEvents(call, pending)
  const isOfBackups = call.service === 'sts' && !String(call.input['Policy']).includes('sqs:')
  return isOfBackups ? minioSession(minio, call) : undefined
}

const proxyFor = (
  of: FunctionName,
  { oracles, seen, pending }: { oracles: Oracles; seen: Seen; pending: unknown[] },
): Promise<AwsProxy> => {
  const note = async (call: AwsCall, { status, isOwn }: Answered): Promise<void> => {
    seen.calls.push({ ...call, of, by: isOwn(oracles.minio.accessKey) ? of : 'session', status })
    await seen.onAnswer?.(call, of)
  }
  return startAwsProxy({
    upstreamOf: upstreamsOf(oracles),
    before: async (call) => {
      const ours = await seen.onCall?.(call, of)
      const answer = ours ? undefined : await answerHere(call, oracles, pending)
      if (!answer) return ours
      await note(call, { status: answer.status, isOwn: () => true })
      return answer
    },
    after: note,
  })
}

const recordOf = async <T>(make: (name: FunctionName) => T | Promise<T>): Promise<Record<FunctionName, T>> =>
  Object.fromEntries(
    await Promise.all(functionNames.map(async (name) => [name, await make(name)] as const)),
  ) as Record<FunctionName, T>

/** As Lambda has them: alone, without this repository; and as they are now, whoever packages meanwhile. */
const copiedBundles = async (opened: AsyncDisposableStack): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'drover-bundles-'))
  opened.defer(() => rm(folder, { recursive: true, force: true }))
  await cp(bundleFolder, folder, { recursive: true })
  return folder
}

const startFunctions = async (
  opened: AsyncDisposableStack,
  stack: ResolvedStack,
  around: { oracles: Oracles; seen: Seen; pending: unknown[]; bundles: string },
) => {
  const proxies = await recordOf((name) => proxyFor(name, around))
  for (const proxy of Object.values(proxies)) opened.defer(() => proxy.stop())
  const functions = await recordOf((name) =>
    functionProcess({
      name,
      bundle: join(around.bundles, `${name}.mjs`),
      env: envOf(stack, name, proxies[name], around.oracles.minio),
      timeoutMs: Number(functionOf(stack, name)['Timeout']) * 1000,
    }),
  )
  for (const each of Object.values(functions)) opened.defer(() => each.stop())
  return { functions, s3Url: proxies.api.url }
}

/** API Gateway's answer to a function that failed. */
const failedAnswer = (error: unknown): z.infer<typeof HttpAnswer> => ({
  statusCode: 500,
  body: JSON.stringify({ message: 'Internal Server Error', error: String(error) }),
})

/** The API, and where MinIO tells of objects. */
const startHttp = async (
  opened: AsyncDisposableStack,
  { api, pending }: { api: () => FunctionProcess | undefined; pending: unknown[] },
): Promise<string> => {
  const serve = async (asked: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const body = Buffer.concat((await asked.toArray()) as Buffer[])
    if (asked.url === '/minio-events') {
      pending.push(...objectEventsOf(body))
      answer.end()
      return
    }
    const result = await (
      api()?.invoke(httpEvent(asked, body)) ?? Promise.reject(new Error('no api yet'))
    ).then((value) => HttpAnswer.parse(value), failedAnswer)
    answer.writeHead(result.statusCode, { ...result.headers, date: new Date().toUTCString() })
    answer.end(result.isBase64Encoded ? Buffer.from(result.body ?? '', 'base64') : result.body)
  }
  const server = createServer((asked, answer) => void serve(asked, answer).catch(() => answer.destroy()))
  opened.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  return listening(server)
}

const startPumping = (
  {
    stack,
    functions,
    oracles,
    seen,
    pending,
  }: {
    stack: ResolvedStack
    functions: LocalAws['functions']
    oracles: Oracles
    seen: Seen
    pending: unknown[]
  },
  sqs: SQSClient,
) => {
  const patterns = ofType(stack, 'AWS::Events::Rule').flatMap(({ EventPattern }) =>
    EventPattern ? [EventPattern as unknown as Pattern] : [],
  )
  const queue = (what: 'reports' | 'worker', batchSize: number, to: FunctionProcess): QueueToPump => ({
    client: sqs,
    url: oracles.elasticmq.baseUrl + queueNames[what],
    batchSize,
    to,
    arrange: (messages) => seen.arrange(messages, what),
  })
  const pumping = loops()
  pumping.start(() => pumpQueue(queue('reports', 10, functions['record-report'])))
  pumping.start(() => pumpQueue(queue('worker', 1, functions['perform-operation'])))
  pumping.start(async () => {
    const happened = pending.splice(0)
    const events = seen.arrange(happened, 'events')
    pending.push(...happened.filter((event) => !events.includes(event)))
    for (const event of events)
      if (patterns.some((pattern) => matchesPattern(event, pattern)))
        await deliverEvent(functions['index-backup'], seen.isToldByS3 ? toldByS3(event) : event).catch(
          () => undefined,
        )
    return events.length
  })
  return pumping
}

/** As the template calls those that the pump empties. */
export const queueNames = { reports: `${stackName}-ReportQueue`, worker: `${stackName}-worker.fifo` }

const runJobArn = `arn:aws:lambda:${region}:${account}:function:${stackName}-run-recurring-job`

/** Builds the package first. */
export const startLocalAws = async (): Promise<LocalAws> => {
  await using opened = new AsyncDisposableStack()
  const template = await packagedTemplate()
  const parameters = { ExistingBucket: bucket, ArtifactsBucket: 'artifacts' }
  const stack = resolvedStack(template, { stackName, parameters })
  const pending: unknown[] = []
  const seen: Seen = { calls: [], arrange: (happened) => happened }
  let started: LocalAws['functions'] | undefined
  const url = await startHttp(opened, { api: () => started?.api, pending })
  const oracles = await startOracles(opened, `${url}/minio-events`)
  const sqs = sqsClient(oracles.elasticmq.settings)
  const eventbridge = new EventBridgeClient(oracles.moto.clientSettings)
  await createTables(stack, dynamodbClient(oracles.dynamodb.settings))
  await createQueues(stack, sqs)
  await createBucket(oracles.minio)
  const bundles = await copiedBundles(opened)
  const { functions, s3Url } = await startFunctions(opened, stack, { oracles, seen, pending, bundles })
  started = functions
  const token = async (role: string): Promise<string> => {
    const made = await functions.api.invoke({ createToken: { name: `test-${role}`, role } })
    return z.object({ token: z.string() }).parse(made).token
  }
  const client = apiClient(requests({ url, token: await token('admin') }))
  const pumping = startPumping({ stack, functions, oracles, seen, pending }, sqs)
  const resources = opened.move()
  resources.defer(() => pumping.stop())
  return Object.assign(seen, {
    url,
    client,
    stack,
    functions,
    minio: oracles.minio,
    oracles,
    bucket,
    s3Url,
    token,
    tick: async (minute: Date) => {
      let left = await ticksOf(eventbridge, `${stackName}-job-`, minute)
      do {
        const ticks = seen.arrange(left, 'ticks')
        for (const { arn, event } of ticks) {
          if (arn !== runJobArn) throw new Error(`a rule wakes ${arn}`)
          await deliverEvent(functions['run-recurring-job'], event).catch(() => undefined)
        }
        left = left.filter((tick) => !ticks.includes(tick))
      } while (left.length > 0)
    },
    reconcile: async () => {
      await functions.reconcile.invoke(customEvent('aws.events', 'Scheduled Event', {}))
    },
    stop: () => resources.disposeAsync(),
  })
}

/**
 * @module elasticmq: an ElasticMQ of our own on this machine, for one test file, whose time can be moved on: it judges
 * visibility and deduplication by a test's clock. It keeps everything in memory.
 */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { SQSClient } from '@aws-sdk/client-sqs'
import type { Clock } from '#lib/base/clock.ts'
import { serial } from '#lib/base/serial.ts'
import type { SqsClientSettings } from '#lib/operation/sqs-client.ts'
import { freePort } from '../free-port.ts'
import { canary, isAnswering, oraclePath, startOwnServer } from './own-server.ts'

const region = 'us-east-1'
/** The same as moto's. */
const account = '123456789012'

export interface Elasticmq {
  /** How a client reaches it. */
  settings: SqsClientSettings
  /** What queues' URLs and ARNs begin with. */
  baseUrl: string
  baseArn: string
  /** How far it is ahead of the system's clock, by which it goes. */
  setAhead: (ms: number) => Promise<void>
  stop: () => Promise<void>
}

/** It lives for seconds: what a server gains from either in an hour is lost time here. */
const quickStart = ['-Xmx512m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']

const configOf = (port: number): string => `
include classpath("application.conf")
node-address { protocol = http, host = "127.0.0.1", port = ${port}, context-path = "" }
rest-sqs { enabled = true, bind-port = ${port}, bind-hostname = "127.0.0.1", sqs-limits = strict }
rest-stats { enabled = false }
generate-node-address = false
queues {}
aws { region = ${region}, accountId = ${account} }
`

/** ElasticMQ forgets deduplication ids by a timer of its own, and only then sees that five minutes have passed. */
const forgetsEveryMs = 1000

const movableTime = (file: string): Elasticmq['setAhead'] => {
  let aheadMs = 0
  return async (ms) => {
    const passedMs = ms - aheadMs
    if (passedMs === 0) return
    aheadMs = ms
    await writeFile(`${file}.new`, String(ms))
    await rename(`${file}.new`, file)
    if (passedMs > 60_000) await delay(forgetsEveryMs + 200)
  }
}

/** @throws Error if it is not installed or does not get ready. */
export const startElasticmq = async ({ hasRealTime = false } = {}): Promise<Elasticmq> => {
  const libraries = oraclePath('ElasticMQ', 'elasticmq/lib')
  const folder = await mkdtemp(join(tmpdir(), 'drover-elasticmq-'))
  const [classes, config, timeFile] = [
    join(folder, 'classes'),
    join(folder, 'emq.conf'),
    join(folder, 'time'),
  ]
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  await mkdir(classes)
  await Promise.all([writeFile(config, configOf(port)), writeFile(timeFile, '0')])
  await promisify(execFile)('javac', ['-d', classes, join(import.meta.dirname, 'NowProvider.java')])
  const properties = [`-Dconfig.file=${config}`, `-Ddrover.time.file=${timeFile}`]
  const server = await startOwnServer({
    name: 'ElasticMQ',
    command: 'java',
    args: [
      ...quickStart,
      ...properties,
      '-cp',
      hasRealTime ? `${libraries}/*` : `${classes}:${libraries}/*`,
      'org.elasticmq.server.Main',
    ],
    isReady: () => isAnswering(endpoint),
  })
  return {
    settings: { region, endpoint, credentials: { accessKeyId: 'DroverTest', secretAccessKey: canary } },
    baseUrl: `${endpoint}/${account}/`,
    baseArn: `arn:aws:sqs:${region}:${account}:`,
    setAhead: movableTime(timeFile),
    stop: async () => {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const isLongPoll = (input: object): input is { WaitTimeSeconds: number } =>
  'WaitTimeSeconds' in input && typeof input.WaitTimeSeconds === 'number'

const isEmpty = (output: object): boolean =>
  !('Messages' in output) || !Array.isArray(output.Messages) || output.Messages.length === 0

/**
 * Has the server's time pass as the client's clock does, from now on: it is told before each request, and a long poll is short
 * ones, between which a second passes on that clock. Requests go out one by one, as they were made. One client at a time.
 */
export const goByClock = (client: SQSClient, clock: Clock, { setAhead }: Elasticmq): void => {
  const inOrder = serial()
  const begunMs = clock.now().getTime()
  client.middlewareStack.add(
    (next) => async (args) => {
      const ask = (input: typeof args.input) =>
        inOrder(async () => {
          await setAhead(clock.now().getTime() - begunMs)
          return next({ ...args, input })
        })
      const { input } = args
      if (!isLongPoll(input)) return ask(input)
      for (let leftSeconds = input.WaitTimeSeconds; ; leftSeconds -= 1) {
        const answer = await ask({ ...input, WaitTimeSeconds: 0 })
        if (leftSeconds <= 0 || !isEmpty(answer.output)) return answer
        await clock.sleep(1000)
      }
    },
    { step: 'initialize', name: 'droverTestClock' },
  )
}

/**
 * @module recorded-stack: what each invocation of the local stack's functions used, and what the agents asked of S3 and SQS.
 *
 * DynamoDB's units are those that DynamoDB Local says were consumed, writes of indexes included. Time is that of the handlers here, one
 * event at a time, with local servers behind them.
 */
import { serial } from '#lib/base/serial.ts'
import { systemClock } from '#lib/base/clock.ts'
import type { AwsCall } from '#test/aws/aws-calls.ts'
import type { Answer } from '#test/aws/aws-proxy.ts'
import { functionNames, type FunctionName, type LocalAws, type SeenCall } from '#test/aws/local-aws.ts'
import * as z from 'zod'
import { plus, type Usage } from './prices.ts'

export interface Invocation {
  of: FunctionName
  /** Of HTTP requests: method and path. */
  request: string | undefined
  /** An HTTP request's. */
  body: string
  event: unknown
  ms: number
  usage: Usage
}

export interface Recording {
  invocations: Invocation[]
  /** What agents asked for. */
  agents: SeenCall[]
}

export interface RecordedStack {
  /** Since the recording began. */
  invocations: readonly Invocation[]
  /** Whatever happens while it runs. */
  during(work: () => Promise<unknown>): Promise<Recording>
}

const Capacity = z.object({ CapacityUnits: z.number() })
const Consumed = z.object({ ConsumedCapacity: z.union([Capacity, z.array(Capacity)]) })

/** DynamoDB Local checks no signature. */
const unsigned =
  'AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0'

const isWrite = ({ operation }: AwsCall): boolean => operation === 'PutItem' || operation === 'DeleteItem'

/** A write that was refused costs as one that was not; DynamoDB Local tells nothing of it. */
const unitsIn = (call: AwsCall, body: unknown): Usage => {
  const read = Consumed.safeParse(body)
  const units = read.success
    ? [read.data.ConsumedCapacity].flat().reduce((sum, { CapacityUnits }) => sum + CapacityUnits, 0)
    : 1
  return isWrite(call) ? { writeUnit: units } : { readUnit: units }
}

const askDynamodb = async (endpoint: string, { operation, input }: AwsCall): Promise<Answer> => {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      authorization: unsigned,
    },
    body: JSON.stringify({ ...input, ReturnConsumedCapacity: 'INDEXES' }),
  })
  return { status: answer.status, body: await answer.json() }
}

const HttpEvent = z.object({
  rawPath: z.string(),
  body: z.string().optional(),
  requestContext: z.object({ http: z.object({ method: z.string() }) }),
})

const requestOf = (event: unknown): Pick<Invocation, 'request' | 'body'> => {
  const read = HttpEvent.safeParse(event)
  if (!read.success) return { request: undefined, body: '' }
  const { rawPath, body = '', requestContext } = read.data
  return {
    request: `${requestContext.http.method} ${rawPath}`,
    body: Buffer.from(body, 'base64').toString(),
  }
}

const isFifo = ({ input }: AwsCall): boolean => String(input['QueueUrl']).endsWith('.fifo')

/** Of all but DynamoDB, whose units are counted. */
export const usageOf = (call: AwsCall): Usage => {
  if (call.service === 'sqs') return isFifo(call) ? { sqsFifo: 1 } : { sqsStandard: 1 }
  if (call.operation === 'PutEvents') return { event: 1 }
  if (call.service !== 's3') return {}
  if (call.operation === 'GetObject' || call.operation === 'HeadObject') return { s3Read: 1 }
  // What was put or deleted is told to EventBridge too.
  if (call.operation === 'DeleteObject') return { s3Delete: 1, objectEvent: 1 }
  return { s3Write: 1, ...(call.operation === 'PutObject' && { objectEvent: 1 }) }
}

const isOfAgent = ({ of, by, service }: SeenCall): boolean =>
  of === 'api' && by === 'session' && (service === 's3' || service === 'sqs')

/** Lambda's own lines of each invocation: START, END, REPORT. */
const platformLogBytes = 320

/** `memoryMb`: of each function, as the template says. */
export const recordStack = (
  aws: LocalAws,
  { memoryMb }: { memoryMb: Readonly<Record<FunctionName, number>> },
): RecordedStack => {
  const endpoint = String(aws.oracles.dynamodb.settings.endpoint)
  const underWay: Partial<Record<FunctionName, Invocation>> = {}
  const invocations: Invocation[] = []

  aws.onCall = async (call, of) => {
    if (call.service !== 'dynamodb') return undefined
    const answer = await askDynamodb(endpoint, call)
    const current = underWay[of]
    if (current) current.usage = plus(current.usage, unitsIn(call, answer.body))
    return answer
  }

  const record = (of: FunctionName): void => {
    const target = aws.functions[of]
    const { invoke } = target
    const inTurn = serial()
    target.invoke = (event) =>
      inTurn(async () => {
        const current: Invocation = { of, event, ...requestOf(event), ms: 0, usage: {} }
        underWay[of] = current
        const [callsBefore, linesBefore] = [aws.calls.length, target.lines().length]
        const startedAt = performance.now()
        try {
          return await invoke(event)
        } finally {
          current.ms = performance.now() - startedAt
          await systemClock.sleep(5) // what it printed is on its way
          const calls = aws.calls.slice(callsBefore).filter((call) => call.of === of && !isOfAgent(call))
          const printed = target.lines().slice(linesBefore).join('\n').length
          current.usage = plus(
            current.usage,
            ...calls.map(usageOf),
            { lambdaRequest: 1, lambdaTime: (current.ms / 1000) * (memoryMb[of] / 1024) },
            { logs: (printed + platformLogBytes) / 1_000_000, ...(current.request && { apiRequest: 1 }) },
          )
          invocations.push(current)
          delete underWay[of]
        }
      })
  }
  for (const name of functionNames) record(name)

  return {
    invocations,
    during: async (work) => {
      const [invocationsBefore, callsBefore] = [invocations.length, aws.calls.length]
      await work()
      return {
        invocations: invocations.slice(invocationsBefore),
        agents: aws.calls.slice(callsBefore).filter(isOfAgent),
      }
    },
  }
}

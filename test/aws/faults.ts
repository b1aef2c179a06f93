/**
 * @module faults: how AWS's services say no for a while, each in its own words.
 *
 * Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html,
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html,
 * https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html,
 * https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html,
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
import type { AwsCall, AwsService } from './aws-calls.ts'
import type { Answer } from './aws-proxy.ts'

/** `undefined`: it does not befall this call. */
export type Fault = (call: AwsCall) => Answer | undefined

const json = (status: number, type: string): Answer => ({
  status,
  body: { __type: type, message: 'of the test' },
})

const ofSts = (status: number, code: string): Answer => ({
  status,
  body: `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>of the test</Message></Error><RequestId>r</RequestId></ErrorResponse>`,
})

const ofS3 = (status: number, code: string): Answer => ({
  status,
  body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>of the test</Message><RequestId>r</RequestId></Error>`,
})

const dynamodb = 'com.amazonaws.dynamodb.v20120810#'
const dynamodbWide = 'com.amazon.coral.availability#'
const sqs = 'com.amazonaws.sqs#'

const throttled: Record<AwsService, readonly Answer[]> = {
  dynamodb: [
    json(400, `${dynamodb}ProvisionedThroughputExceededException`),
    json(400, `${dynamodbWide}ThrottlingException`),
  ],
  sqs: [json(403, `${sqs}RequestThrottled`), json(400, 'ThrottlingException')],
  events: [json(400, 'ThrottlingException')],
  secretsmanager: [json(400, 'ThrottlingException')],
  sts: [ofSts(400, 'Throttling')],
  s3: [ofS3(503, 'SlowDown')],
}

const failed: Record<AwsService, Answer> = {
  dynamodb: json(500, `${dynamodb}InternalServerError`),
  sqs: json(500, 'InternalFailure'),
  events: json(500, 'InternalException'),
  secretsmanager: json(500, 'InternalServiceError'),
  sts: ofSts(500, 'InternalFailure'),
  s3: ofS3(500, 'InternalError'),
}

const writes = ['PutItem', 'DeleteItem']

export const throttling = (): Fault => {
  let turns = 0
  return ({ service }) => throttled[service][turns++ % throttled[service].length]
}

export const conflicting: Fault = ({ service, operation }) =>
  service === 'dynamodb' && writes.includes(operation)
    ? json(400, `${dynamodb}TransactionConflictException`)
    : undefined

/** Nothing of it was read. */
export const unprocessed: Fault = ({ operation, input }) =>
  operation === 'BatchGetItem'
    ? { status: 200, body: { Responses: {}, UnprocessedKeys: input['RequestItems'] } }
    : undefined

export const failing: Fault = ({ service }) => failed[service]

/** What is sent again by ourselves, not by the SDK: as another call. */
const isSentAgainByUs = ({ service, operation }: AwsCall): boolean =>
  service === 's3' || operation === 'BatchGetItem'

/** Whether a call is made for the first time. Of what is sent again by ourselves every second one is. */
export const firstAttempts = (): ((call: AwsCall) => boolean) => {
  const seen = new Set<string>()
  return (call) => {
    const { operation, input, invocation } = call
    const isOurs = isSentAgainByUs(call)
    const id = isOurs ? JSON.stringify([operation, input]) : invocation
    if (isOurs && seen.delete(id)) return false
    const isFirst = !seen.has(id)
    seen.add(id)
    return isFirst
  }
}

/**
 * Whether the same was never asked for before. Of DynamoDB's removals only one is: who is never told that it was he who removed something
 * begins anew for ever.
 */
export const neverBefore = (): ((call: AwsCall) => boolean) => {
  const seen = new Set<string>()
  return ({ operation, input }) => {
    const id = operation === 'DeleteItem' ? operation : JSON.stringify([operation, input])
    const isFirst = !seen.has(id)
    seen.add(id)
    return isFirst
  }
}

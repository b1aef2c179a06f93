/**
 * @module event-shapes: events as AWS delivers them to functions.
 *
 * Sources: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html, services-cloudwatchevents.html in the same guide,
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html, notification-content-structure.html beside it,
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
import { createHash, randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Message } from '@aws-sdk/client-sqs'
import * as z from 'zod'
import { account, region } from '#test/template/resolved-stack.ts'

const envelope = (source: string, detailType: string, time: Date, resources: string[], detail: object) => ({
  version: '0',
  id: randomUUID(),
  'detail-type': detailType,
  source,
  account,
  time: time.toISOString().replace(/\.\d+Z$/, 'Z'),
  region,
  resources,
  detail,
})

export const scheduledEvent = (rule: string, time: Date) =>
  envelope('aws.events', 'Scheduled Event', time, [`arn:aws:events:${region}:${account}:rule/${rule}`], {})

export const customEvent = (source: string, detailType: string, detail: object) =>
  envelope(source, detailType, new Date(), [], detail)

const ObjectEvent = z.object({
  source: z.literal('aws.s3'),
  detail: z.looseObject({
    bucket: z.looseObject({ name: z.string() }),
    object: z.looseObject({ key: z.string() }),
    reason: z.string(),
  }),
})

export interface ObjectChange {
  bucket: string
  key: string
  isDeletion: boolean
}

/** Of an object, through EventBridge: its key is as it is, not encoded. */
export const objectEvent = ({ bucket, key, isDeletion }: ObjectChange) =>
  envelope(
    'aws.s3',
    isDeletion ? 'Object Deleted' : 'Object Created',
    new Date(),
    [`arn:aws:s3:::${bucket}`],
    {
      version: '0',
      bucket: { name: bucket },
      object: {
        key,
        ...(!isDeletion && { size: 1, etag: '0' }),
        sequencer: Date.now().toString(16).padStart(18, '0'),
      },
      'request-id': 'C3D13FE58DE4C810',
      requester: account,
      'source-ip-address': '127.0.0.1',
      reason: isDeletion ? 'DeleteObject' : 'PutObject',
      ...(isDeletion && { 'deletion-type': 'Delete Marker Created' }),
    },
  )

/** The same, as S3 tells the function itself: its key is encoded as in a form. Of other events: as they are. */
export const toldByS3 = (event: unknown): unknown => {
  const read = ObjectEvent.safeParse(event)
  if (!read.success) return event
  const { bucket, object, reason } = read.data.detail
  const key = encodeURIComponent(object.key).replaceAll('%2F', '/').replaceAll('%20', '+')
  const eventName = reason === 'DeleteObject' ? 'ObjectRemoved:DeleteMarkerCreated' : 'ObjectCreated:Put'
  return {
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: region,
        eventTime: new Date().toISOString(),
        eventName,
        s3: {
          s3SchemaVersion: '1.0',
          bucket: { ...bucket, arn: `arn:aws:s3:::${bucket.name}` },
          object: { ...object, key },
        },
      },
    ],
  }
}

export const sqsEvent = (queue: string, messages: readonly Message[]) => ({
  Records: messages.map(({ MessageId, ReceiptHandle, Body, Attributes, MD5OfBody }) => ({
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    attributes: Attributes,
    messageAttributes: {},
    md5OfBody:
      MD5OfBody ??
      createHash('md5')
        .update(Body ?? '')
        .digest('hex'),
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:${region}:${account}:${queue}`,
    awsRegion: region,
  })),
})

/** Payload format 2.0. */
export const httpEvent = ({ method = 'GET', url = '/', headers }: IncomingMessage, body: Buffer) => {
  const [path = '', query = ''] = url.split('?')
  const now = new Date()
  const names = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(',') : value,
  ])
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: query,
    headers: Object.fromEntries(names) as Record<string, string>,
    requestContext: {
      accountId: account,
      apiId: 'drover',
      domainName: 'drover.execute-api.us-east-1.amazonaws.com',
      domainPrefix: 'drover',
      http: {
        method,
        path,
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey: '$default',
      stage: '$default',
      time: now.toUTCString(),
      timeEpoch: now.getTime(),
    },
    isBase64Encoded: body.length > 0,
    ...(body.length > 0 && { body: body.toString('base64') }),
  }
}

type Condition =
  | string
  | { prefix: string }
  | { suffix: string }
  | { wildcard: string }
  | { 'anything-but': string }
export type Pattern = { [field: string]: Pattern | Condition[] }

const matchesCondition = (value: unknown, condition: Condition): boolean => {
  if (typeof value !== 'string') return false
  if (typeof condition === 'string') return value === condition
  if ('prefix' in condition) return value.startsWith(condition.prefix)
  if ('suffix' in condition) return value.endsWith(condition.suffix)
  if ('anything-but' in condition) return value !== condition['anything-but']
  const parts = condition.wildcard
    .split('*')
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
  return new RegExp(`^${parts.join('.*')}$`, 's').test(value)
}

/** As far as this stack's patterns go; that these mean what they should to AWS, event-ruler judges. */
export const matchesPattern = (event: unknown, pattern: Pattern): boolean =>
  Object.entries(pattern).every(([field, wanted]) => {
    const value: unknown = typeof event === 'object' && event !== null ? Reflect.get(event, field) : undefined
    return Array.isArray(wanted)
      ? wanted.some((condition) => matchesCondition(value, condition))
      : matchesPattern(value, wanted)
  })

/**
 * @module aws-calls: which call of AWS's an HTTP request of the SDK is, and on what: for whoever stands between.
 */
import type { IncomingHttpHeaders } from 'node:http'

export type AwsService = 'dynamodb' | 'sqs' | 'events' | 'secretsmanager' | 'sts' | 's3'

export interface AwsCall {
  service: AwsService
  /** As in the API: `PutItem`. */
  operation: string
  /** What was asked for, as far as it is JSON or a form. */
  input: Readonly<Record<string, unknown>>
  /** The same when the SDK asks again. */
  invocation: string
}

export interface AwsRequest {
  method: string
  /** With the query. */
  path: string
  headers: IncomingHttpHeaders
  body: Buffer
}

const targets: Record<string, AwsService> = {
  DynamoDB_20120810: 'dynamodb',
  AmazonSQS: 'sqs',
  AWSEvents: 'events',
  secretsmanager: 'secretsmanager',
}

const jsonOf = (body: Buffer): Record<string, unknown> => {
  const value: unknown = JSON.parse(body.toString() || '{}')
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

const s3Operation = (method: string, path: string, isList: boolean): string => {
  if (method === 'GET') return isList ? 'ListObjectsV2' : 'GetObject'
  if (method === 'HEAD') return 'HeadObject'
  if (method === 'PUT') return 'PutObject'
  if (method === 'POST' && path.includes('delete')) return 'DeleteObjects'
  return method === 'DELETE' ? 'DeleteObject' : `${method} ${path}`
}

const s3CallOf = ({ method, path }: AwsRequest): Omit<AwsCall, 'invocation'> => {
  const url = new URL(path, 'http://s3')
  const [, bucket = '', ...key] = url.pathname.split('/').map(decodeURIComponent)
  const isList = url.searchParams.has('list-type')
  const input = { Bucket: bucket, Key: key.join('/'), Prefix: url.searchParams.get('prefix') ?? undefined }
  return { service: 's3', operation: s3Operation(method, path, isList), input }
}

const callOf = (request: AwsRequest): Omit<AwsCall, 'invocation'> => {
  const target = String(request.headers['x-amz-target'] ?? '')
  const [name = '', operation = ''] = target.split('.')
  const service = targets[name]
  if (service) return { service, operation, input: jsonOf(request.body) }
  const isForm = (request.headers['content-type'] ?? '').includes('form-urlencoded')
  if (!isForm) return s3CallOf(request)
  const form = Object.fromEntries(new URLSearchParams(request.body.toString()))
  return { service: 'sts', operation: form['Action'] ?? '', input: form }
}

export const awsCallOf = (request: AwsRequest): AwsCall => ({
  ...callOf(request),
  invocation: String(request.headers['amz-sdk-invocation-id'] ?? ''),
})

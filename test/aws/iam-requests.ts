/**
 * @module iam-requests: what IAM is asked when a call of AWS's is made.
 */
import type { IamRequest } from '#test/template/iam-verdicts.ts'
import { account, region } from '#test/template/resolved-stack.ts'
import type { AwsCall } from './aws-calls.ts'

const arnOf = (service: string, rest: string): string => `arn:aws:${service}:${region}:${account}:${rest}`

const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const records = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'object' && each !== null) : []
const isAny = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.length > 0
    : typeof value === 'object' && value !== null && Object.keys(value).length > 0

const plain = (action: string, resource: string, context: IamRequest['context'] = {}): IamRequest => ({
  action,
  resource,
  context,
})

const dynamodbRequests = ({ operation, input }: AwsCall): IamRequest[] => {
  const tables = isAny(input['RequestItems'])
    ? Object.keys(Object(input['RequestItems']))
    : [text(input['TableName'])]
  const index = input['IndexName'] === undefined ? '' : `/index/${text(input['IndexName'])}`
  return tables.map((table) => plain(`dynamodb:${operation}`, arnOf('dynamodb', `table/${table}${index}`)))
}

const sqsRequests = ({ operation, input }: AwsCall): IamRequest[] => {
  const queue = text(input['QueueName']) || text(input['QueueUrl']).split('/').at(-1) || ''
  const asked = plain(`sqs:${operation}`, arnOf('sqs', queue))
  return isAny(input['tags']) ? [asked, { ...asked, action: 'sqs:TagQueue' }] : [asked]
}

/** IAM knows no resource for them. */
const listsRules = new Set(['ListRules', 'ListRuleNamesByTarget'])

const eventsRequests = ({ operation, input }: AwsCall): IamRequest[] => {
  if (listsRules.has(operation)) return [plain(`events:${operation}`, '*')]
  if (operation === 'PutEvents')
    return records(input['Entries']).map(({ Source, DetailType }) =>
      plain('events:PutEvents', arnOf('events', 'event-bus/default'), {
        'events:source': [text(Source)],
        'events:detail-type': [text(DetailType)],
      }),
    )
  const resource = arnOf('events', `rule/${text(input['Name']) || text(input['Rule'])}`)
  const targets = records(input['Targets']).map(({ Arn }) => text(Arn))
  const asked = plain(
    `events:${operation}`,
    resource,
    targets.length > 0 ? { 'events:TargetArn': targets } : {},
  )
  return isAny(input['Tags']) ? [asked, plain('events:TagResource', resource)] : [asked]
}

/** Secrets Manager puts six characters behind each name. */
const secretArn = (name: string): string =>
  name.startsWith('arn:') ? name : arnOf('secretsmanager', `secret:${name}-AbCdEf`)

const secretRequests = ({ operation, input }: AwsCall): IamRequest[] => {
  if (operation === 'ListSecrets') return [plain('secretsmanager:ListSecrets', '*')]
  const asked = plain(
    `secretsmanager:${operation}`,
    secretArn(text(input['SecretId']) || text(input['Name'])),
  )
  return isAny(input['Tags']) ? [asked, { ...asked, action: 'secretsmanager:TagResource' }] : [asked]
}

const s3Actions: Record<string, string> = {
  ListObjectsV2: 'ListBucket',
  HeadObject: 'GetObject',
  DeleteObjects: 'DeleteObject',
}

const s3Requests = ({ operation, input }: AwsCall): IamRequest[] => {
  const action = `s3:${s3Actions[operation] ?? operation}`
  const bucket = `arn:aws:s3:::${text(input['Bucket'])}`
  return operation === 'ListObjectsV2'
    ? [plain(action, bucket, { 's3:prefix': text(input['Prefix']) })]
    : [plain(action, `${bucket}/${text(input['Key']) || 'any'}`)]
}

export const iamRequestsOf = (call: AwsCall): IamRequest[] => {
  switch (call.service) {
    case 'dynamodb':
      return dynamodbRequests(call)
    case 'sqs':
      return sqsRequests(call)
    case 'events':
      return eventsRequests(call)
    case 'secretsmanager':
      return secretRequests(call)
    case 'sts':
      return [plain(`sts:${call.operation}`, text(call.input['RoleArn']))]
    case 's3':
      return s3Requests(call)
    default:
      return call.service satisfies never
  }
}

const keyOf = (request: IamRequest): string => JSON.stringify(request)

/** Without those that are the same. */
export const distinct = (requests: readonly IamRequest[]): IamRequest[] => [
  ...new Map(requests.map((request) => [keyOf(request), request])).values(),
]

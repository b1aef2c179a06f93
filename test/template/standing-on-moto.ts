/**
 * @module standing-on-moto: what of a stack there is, asked of each service itself: the stack's own list is gone with the stack.
 */
import type { Moto } from '../oracles/moto.ts'

type List = [service: string, path: string, init: RequestInit]

const inJson = (service: string, target: string): List => {
  const headers = { 'x-amz-target': target, 'content-type': 'application/x-amz-json-1.1' }
  return [service, '/', { method: 'POST', headers, body: '{}' }]
}

const inQuery = (service: string, Action: string, Version: string): List => [
  service,
  '/',
  { method: 'POST', body: new URLSearchParams({ Action, Version }) },
]

const lists: List[] = [
  inJson('dynamodb', 'DynamoDB_20120810.ListTables'),
  inJson('events', 'AWSEvents.ListRules'),
  inJson('kms', 'TrentService.ListKeys'),
  inJson('logs', 'Logs_20140328.DescribeLogGroups'),
  inJson('sqs', 'AmazonSQS.ListQueues'),
  inQuery('iam', 'ListRoles', '2010-05-08'),
  inQuery('monitoring', 'ListDashboards', '2010-08-01'),
  inQuery('sns', 'ListTopics', '2010-03-31'),
  ['lambda', '/2015-03-31/functions/', {}],
  ['lambda', '/2015-03-31/event-source-mappings/', {}],
  ['s3', '/', {}],
]

/** What no service lists by itself: policies are of roles, and permissions of functions, and without a name on moto. */
export const unlisted = new Set(['AWS::IAM::Policy', 'AWS::Lambda::Permission'])

const lastOf = (name: string): string => name.split(/[/:]/).at(-1) ?? ''

/** Of things by their physical names, the logical ids of those that are there. */
export const standing = async (moto: Moto, made: ReadonlyMap<string, string>): Promise<string[]> => {
  const { endpoint, region } = moto.clientSettings
  const names = new Set<string>()
  for (const [service, path, init] of lists) {
    const headers = new Headers(init.headers)
    // It tells services apart by what a request is signed for, and looks at no signature.
    headers.set('authorization', `AWS4-HMAC-SHA256 Credential=a/20260101/${region}/${service}/aws4_request`)
    const answer = await fetch(endpoint + path, { ...init, headers })
    if (!answer.ok) throw new Error(`moto does not list what there is of ${service}: ${answer.status}`)
    for (const name of (await answer.text()).split(/[<>"]/)) names.add(lastOf(name))
  }
  return [...made]
    .filter(([, name]) => name !== '' && names.has(lastOf(name)))
    .map(([id]) => id)
    .toSorted()
}

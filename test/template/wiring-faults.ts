/**
 * @module wiring-faults: what wakes what, and by which right: what no linter sees.
 */
import { isDeepStrictEqual } from 'node:util'
import { account, region, type ResolvedStack } from './resolved-stack.ts'
import { plain, type Json, type JsonRecord, type Resource } from './packaged-template.ts'

export type Entry = readonly [id: string, resource: Resource]

export const ofType = ({ resources }: ResolvedStack, type: string): Entry[] =>
  Object.entries(resources).filter(([, { Type }]) => Type === type)

const arnIn = (service: string, rest: string): string => `arn:aws:${service}:${region}:${account}:${rest}`

export const functionArn = ([, { Properties }]: Entry): string =>
  arnIn('lambda', `function:${plain(Properties['FunctionName'])}`)

export const queueName = (stack: ResolvedStack, [id, { Properties }]: Entry): string =>
  plain(Properties['QueueName'] ?? `${stack.stackName}-${id}`)

const queueArn = (stack: ResolvedStack, entry: Entry): string => arnIn('sqs', queueName(stack, entry))

/** `RunRecurringJob` of `RunRecurringJobLambdaFunction`. */
const nameOf = (functionId: string): string => functionId.replace(/LambdaFunction$/, '')

const roleFaults = (stack: ResolvedStack): string[] =>
  ofType(stack, 'AWS::Lambda::Function').flatMap(([id, { Properties }]) => {
    const own = `arn:aws:iam::${account}:role/${stack.stackName}-${nameOf(id)}Role`
    return Properties['Role'] === own ? [] : [`${id} has not its own role, by its ARN`]
  })

/** Who hands out sessions of them. What is not in here is a function's own role. */
const assumedBy: Record<string, readonly string[]> = {
  NodeRole: ['Api'],
  BackupRole: ['IndexBackup', 'RecordReport', 'PerformOperation', 'Api'],
}

const policyOf = (statement: JsonRecord): Json => ({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', ...statement }],
})

const trustFaults = (stack: ResolvedStack): string[] => {
  const roleArn = (name: string) => `arn:aws:iam::${account}:role/${stack.stackName}-${name}Role`
  const trustOf = (id: string): Json => {
    const [first, ...others] = assumedBy[id]?.map(roleArn) ?? []
    const Principal: Json =
      first === undefined
        ? { Service: 'lambda.amazonaws.com' }
        : { AWS: others.length === 0 ? first : [first, ...others] }
    return policyOf({ Principal, Action: 'sts:AssumeRole' })
  }
  const keyPolicy = policyOf({
    Sid: 'PoliciesOfThisAccount',
    Principal: { AWS: `arn:aws:iam::${account}:root` },
    Action: 'kms:*',
    Resource: '*',
  })
  return [
    ...ofType(stack, 'AWS::IAM::Role').filter(
      ([id, { Properties }]) => !isDeepStrictEqual(Properties['AssumeRolePolicyDocument'], trustOf(id)),
    ),
    ...ofType(stack, 'AWS::KMS::Key').filter(
      ([, { Properties }]) => !isDeepStrictEqual(Properties['KeyPolicy'], keyPolicy),
    ),
  ].map(([id]) => `${id} trusts others than it is to`)
}

interface Target {
  Arn: string
  DeadLetterConfig?: { Arn: string }
}
const targetsOf = ({ Properties }: Resource): Target[] => Properties['Targets'] as unknown as Target[]
const ruleArn = ({ Properties }: Resource): string => arnIn('events', `rule/${plain(Properties['Name'])}`)

/** Who may wake which function, as `<principal> <source> → <function>`. */
const expectedWakers = (stack: ResolvedStack): string[] => {
  const rules = ofType(stack, 'AWS::Events::Rule').flatMap(([, rule]) =>
    targetsOf(rule).map(({ Arn }) => `events.amazonaws.com ${ruleArn(rule)} → ${Arn}`),
  )
  const jobs = `events.amazonaws.com ${arnIn('events', `rule/${stack.stackName}-job-*`)}`
  const api = `apigateway.amazonaws.com ${arnIn('execute-api', `${stack.stackName}-HttpApi/*`)}`
  return [
    ...rules,
    `${jobs} → ${arnIn('lambda', `function:${stack.stackName}-run-recurring-job`)}`,
    `${api} → ${arnIn('lambda', `function:${stack.stackName}-api`)}`,
    `s3.amazonaws.com any → ${arnIn('lambda', `function:${stack.stackName}-index-backup`)}`,
  ].toSorted()
}

const permissionFaults = (stack: ResolvedStack): string[] => {
  const permissions = ofType(stack, 'AWS::Lambda::Permission')
  const wakers = permissions
    .map(([, { Properties }]) => {
      const { Principal, SourceArn, FunctionName } = Properties
      return `${plain(Principal)} ${plain(SourceArn ?? 'any')} → ${plain(FunctionName)}`
    })
    .toSorted()
  const wildcards = permissions.filter(
    ([
      ,
      {
        Properties: { SourceArn },
      },
    ]) => SourceArn === undefined || plain(SourceArn).endsWith('-job-*'),
  )
  return [
    ...(isDeepStrictEqual(wakers, expectedWakers(stack))
      ? []
      : [`functions may be woken by others: ${wakers.join(', ')}`]),
    ...permissions
      .filter(([, { Properties }]) => Properties['Action'] !== 'lambda:InvokeFunction')
      .map(([id]) => `${id} permits something else than to invoke`),
    ...wildcards
      .filter(([, { Properties }]) => Properties['SourceAccount'] !== account)
      .map(([id]) => `${id} is for other accounts too`),
  ]
}

/** Function → queue, how many messages at once, and how many of the function, where that is bounded. */
const sources: Record<string, [queue: string, batchSize: number, ScalingConfig?: JsonRecord]> = {
  RecordReport: ['ReportQueue', 10],
  PerformOperation: ['WorkerQueue', 1, { MaximumConcurrency: 50 }],
}

const sourceFaults = (stack: ResolvedStack): string[] => {
  const mappings = ofType(stack, 'AWS::Lambda::EventSourceMapping').map(([, { Properties }]) => Properties)
  const faults = Object.entries(sources).flatMap(([name, [queueId, batchSize, ScalingConfig]]) => {
    const { [`${name}LambdaFunction`]: worker, [queueId]: queue } = stack.resources
    if (!worker || !queue) return [`there is no ${name} or no ${queueId}`]
    const wanted = {
      BatchSize: batchSize,
      Enabled: true,
      EventSourceArn: queueArn(stack, [queueId, queue]),
      FunctionName: functionArn([name, worker]),
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ...(ScalingConfig && { ScalingConfig }),
    }
    const isLongEnough = Number(queue.Properties['VisibilityTimeout']) > Number(worker.Properties['Timeout'])
    return [
      ...(mappings.some((mapping) => isDeepStrictEqual(mapping, wanted))
        ? []
        : [`${queueId} does not wake ${name} as it is to`]),
      ...(isLongEnough ? [] : [`what ${name} works at is handed out again meanwhile`]),
    ]
  })
  return mappings.length === Object.keys(sources).length
    ? faults
    : [...faults, 'other queues wake functions too']
}

export interface Patterns {
  objects: (buckets: readonly string[]) => unknown
  looks: unknown
}

const ruleFaults = (stack: ResolvedStack, buckets: readonly string[], patterns: Patterns): string[] => {
  const there = ofType(stack, 'AWS::Events::Rule').map(([, { Properties }]) => ({
    name: Properties['Name'],
    pattern: Properties['EventPattern'],
    schedule: Properties['ScheduleExpression'],
    state: Properties['State'],
    targets: targetsOf({ Type: '', Properties }).map(({ Arn }) => Arn),
  }))
  const indexBackup = [arnIn('lambda', `function:${stack.stackName}-index-backup`)]
  const event = { schedule: undefined, state: 'ENABLED', targets: indexBackup }
  const wanted = [
    {
      name: `${stack.stackName}-minute`,
      pattern: undefined,
      schedule: 'rate(1 minute)',
      state: 'ENABLED',
      targets: [arnIn('lambda', `function:${stack.stackName}-reconcile`)],
    },
    { ...event, name: `${stack.stackName}-objects`, pattern: patterns.objects(buckets) },
    { ...event, name: `${stack.stackName}-looks`, pattern: patterns.looks },
  ]
  return isDeepStrictEqual(there, wanted) ? [] : [`rules are others: ${JSON.stringify(there)}`]
}

const daySeconds = 24 * 3600

/** Each queue that is worked at, and where its messages go that nobody takes. */
const deadLetters = { ReportQueue: 'ReportDeadLetters', WorkerQueue: 'WorkerDeadLetters' }

/** Where what rules and functions fail at comes to rest: of which function, from which rules, for how long. */
const failures = [
  { queueId: 'UndeliveredEvents', name: 'RunRecurringJob', rules: ['job-*'], days: 14 },
  { queueId: 'FailedHints', name: 'IndexBackup', rules: ['objects', 'looks'], days: 1 },
]

const queueEntry = (stack: ResolvedStack, id: string): Entry => [
  id,
  stack.resources[id] ?? { Type: '', Properties: {} },
]

const maySend = (stack: ResolvedStack, queueId: string, rules: readonly string[]): boolean => {
  const { Properties = {} } = stack.resources[`${queueId}Policy`] ?? {}
  const arns = rules.map((rule) => arnIn('events', `rule/${stack.stackName}-${rule}`))
  return isDeepStrictEqual((Properties['PolicyDocument'] as JsonRecord)['Statement'], [
    {
      Sid: 'TakesFromRules',
      Effect: 'Allow',
      Principal: { Service: 'events.amazonaws.com' },
      Action: 'sqs:SendMessage',
      Resource: queueArn(stack, queueEntry(stack, queueId)),
      Condition: {
        StringEquals: { 'aws:SourceAccount': account },
        ArnLike: { 'aws:SourceArn': arns.length === 1 ? arns[0] : arns },
      },
    },
  ])
}

const failureFaults = (stack: ResolvedStack): string[] =>
  failures.flatMap(({ queueId, name, rules, days }) => {
    const arn = queueArn(stack, queueEntry(stack, queueId))
    const { [`${name}LambdaFunction`]: worker, [`${name}Role`]: role } = stack.resources
    const config = ofType(stack, 'AWS::Lambda::EventInvokeConfig').find(
      ([, { Properties }]) => Properties['FunctionName'] === worker?.Properties['FunctionName'],
    )?.[1].Properties
    const ownRules = ofType(stack, 'AWS::Events::Rule').filter(([, rule]) =>
      rules.includes(plain(rule.Properties['Name']).slice(stack.stackName.length + 1)),
    )
    const mayKeep = JSON.stringify(role?.Properties['Policies']).includes(
      `"Action":"sqs:SendMessage","Resource":"${arn}"`,
    )
    const { MessageRetentionPeriod } = queueEntry(stack, queueId)[1].Properties
    return [
      ...(MessageRetentionPeriod === days * daySeconds ? [] : [`${queueId} does not keep for ${days} days`]),
      ...(maySend(stack, queueId, rules)
        ? []
        : [`rules may not send to ${queueId} what they cannot deliver`]),
      ...(isDeepStrictEqual(config?.['DestinationConfig'], { OnFailure: { Destination: arn } }) && mayKeep
        ? []
        : [`an event at which ${name} fails is lost`]),
      ...ownRules
        .filter(([, rule]) => targetsOf(rule).some(({ DeadLetterConfig }) => DeadLetterConfig?.Arn !== arn))
        .map(([id]) => `what ${id} cannot deliver is lost`),
    ]
  })

const deadLetterFaults = (stack: ResolvedStack): string[] => [
  ...Object.entries(deadLetters)
    .filter(([from, to]) => {
      const redrive = queueEntry(stack, from)[1].Properties['RedrivePolicy'] as JsonRecord | undefined
      return redrive?.['deadLetterTargetArn'] !== queueArn(stack, queueEntry(stack, to))
    })
    .map(([from, to]) => `what nobody takes of ${from} does not go to ${to}`),
  ...[...Object.values(deadLetters), 'NodeDeadLetters']
    .map((id) => queueEntry(stack, id))
    .filter(([, { Properties }]) => Properties['MessageRetentionPeriod'] !== 14 * daySeconds)
    .map(([id]) => `${id} forgets before 14 days`),
]

const logFaults = (stack: ResolvedStack): string[] =>
  ofType(stack, 'AWS::Lambda::Function').flatMap(([id, { Properties, DependsOn = [] }]) => {
    const logId = `${nameOf(id)}LogGroup`
    const name = stack.resources[logId]?.Properties['LogGroupName']
    const isOwn = name === `/aws/lambda/${plain(Properties['FunctionName'])}` && DependsOn.includes(logId)
    return isOwn ? [] : [`${id} may write its log before its group is there, which then keeps it for ever`]
  })

export const wiringFaults = (
  stack: ResolvedStack,
  buckets: readonly string[],
  patterns: Patterns,
): string[] => [
  ...roleFaults(stack),
  ...trustFaults(stack),
  ...permissionFaults(stack),
  ...sourceFaults(stack),
  ...ruleFaults(stack, buckets, patterns),
  ...deadLetterFaults(stack),
  ...failureFaults(stack),
  ...logFaults(stack),
]

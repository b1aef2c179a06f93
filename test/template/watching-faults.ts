/**
 * @module watching-faults: whether alarms and dashboard look at metrics that exist, of things that exist.
 */
import { isDeepStrictEqual } from 'node:util'
import { metricLine } from '../../functions/aws/metrics.ts'
import { ofType, queueName, type Entry } from './wiring-faults.ts'
import type { ResolvedStack } from './resolved-stack.ts'
import { plain, type JsonRecord } from './packaged-template.ts'

/** What we write ourselves, as CloudWatch reads it. */
const ownMetrics = (stack: ResolvedStack): string[] => {
  const line = JSON.parse(metricLine(stack.stackName, 'OverdueVolumes', 0, new Date(0))) as JsonRecord
  const { CloudWatchMetrics } = line['_aws'] as unknown as {
    CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[]
  }
  return CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) =>
    Dimensions.flatMap((names) =>
      Metrics.map(({ Name }) =>
        [Namespace, Name, ...names.flatMap((name) => [name, plain(line[name])])].join(' '),
      ),
    ),
  )
}

/**
 * Each as `<namespace> <metric> <dimension> <value>`.
 * Sources: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html,
 * https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html,
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
 */
const knownMetrics = (stack: ResolvedStack): Set<string> =>
  new Set([
    ...ofType(stack, 'AWS::SQS::Queue').flatMap((queue) =>
      ['ApproximateNumberOfMessagesVisible', 'ApproximateAgeOfOldestMessage'].map(
        (metric) => `AWS/SQS ${metric} QueueName ${queueName(stack, queue)}`,
      ),
    ),
    ...ofType(stack, 'AWS::Lambda::Function').flatMap(([, { Properties }]) =>
      ['Errors', 'Duration'].map(
        (metric) => `AWS/Lambda ${metric} FunctionName ${plain(Properties['FunctionName'])}`,
      ),
    ),
    ...['Count', '4xx', '5xx'].map((metric) => `AWS/ApiGateway ${metric} ApiId ${stack.stackName}-HttpApi`),
    ...ownMetrics(stack),
  ])

interface Metric {
  Namespace: string
  MetricName: string
  Dimensions: { Name: string; Value: string }[]
}

const metricText = ({ Namespace, MetricName, Dimensions }: Metric): string =>
  [Namespace, MetricName, ...Dimensions.flatMap(({ Name, Value }) => [Name, Value])].join(' ')

interface Query {
  Id: string
  Expression?: string
  ReturnData?: boolean
  MetricStat?: { Metric: Metric; Stat: string; Period: number }
}

const alarmMetrics = ({ Metrics, ...own }: JsonRecord): string[] =>
  Metrics === undefined
    ? [metricText(own as unknown as Metric)]
    : (Metrics as unknown as Query[]).flatMap(({ MetricStat }) =>
        MetricStat ? [metricText(MetricStat.Metric)] : [],
      )

const dashboardMetrics = (stack: ResolvedStack): string[] =>
  ofType(stack, 'AWS::CloudWatch::Dashboard').flatMap(([, { Properties }]) => {
    const { widgets } = JSON.parse(plain(Properties['DashboardBody'])) as {
      widgets: { properties: { metrics: string[][] } }[]
    }
    return widgets.flatMap(({ properties }) => properties.metrics.map((metric) => metric.join(' ')))
  })

/** What is not to be missed: each of it has an alarm. */
const watched = (stack: ResolvedStack): string[] => [
  ...['ReportDeadLetters', 'WorkerDeadLetters', 'NodeDeadLetters', 'UndeliveredEvents'].map((id) => {
    const queue = stack.resources[id] ?? { Type: '', Properties: {} }
    return `AWS/SQS ApproximateNumberOfMessagesVisible QueueName ${queueName(stack, [id, queue])}`
  }),
  ...ofType(stack, 'AWS::Lambda::Function').map(
    ([, { Properties }]) => `AWS/Lambda Errors FunctionName ${plain(Properties['FunctionName'])}`,
  ),
  ...ownMetrics(stack),
]

/** What all alarms but that of errors, which is of several metrics, say alike. */
const alike = {
  Statistic: 'Maximum',
  Period: 300,
  EvaluationPeriods: 1,
  Threshold: 0,
  ComparisonOperator: 'GreaterThanThreshold',
  TreatMissingData: 'notBreaching',
}

/** When each alarm fires. */
const fires: Record<string, JsonRecord> = {
  ReportDeadLettersAlarm: alike,
  WorkerDeadLettersAlarm: alike,
  NodeDeadLettersAlarm: alike,
  UndeliveredEventsAlarm: alike,
  ReportQueueAlarm: { ...alike, EvaluationPeriods: 3, Threshold: 900 },
  WorkerQueueAlarm: { ...alike, EvaluationPeriods: 3, Threshold: 7200 },
  FunctionErrorsAlarm: {
    EvaluationPeriods: 4,
    DatapointsToAlarm: 3,
    Threshold: 0,
    ComparisonOperator: 'GreaterThanThreshold',
    TreatMissingData: 'notBreaching',
  },
  OverdueVolumesAlarm: { ...alike, Period: 1800, TreatMissingData: 'missing' },
}

const what = ['AlarmDescription', 'Namespace', 'MetricName', 'Dimensions', 'Metrics']
const whom = ['AlarmActions', 'InsufficientDataActions']

const conditionFaults = (alarms: readonly Entry[]): string[] => {
  const found = alarms.map(([id, { Properties }]): [string, JsonRecord] => [
    id,
    Object.fromEntries(Object.entries(Properties).filter(([key]) => ![...what, ...whom].includes(key))),
  ])
  return isDeepStrictEqual(Object.fromEntries(found), fires)
    ? []
    : [`alarms fire otherwise: ${JSON.stringify(found)}`]
}

/** One number, to which each function's errors in the same five minutes add, also where others were not called. */
const sumFaults = ({ resources }: ResolvedStack): string[] => {
  const queries = (resources['FunctionErrorsAlarm']?.Properties['Metrics'] ?? []) as unknown as Query[]
  const terms = queries.filter(({ MetricStat }) => MetricStat?.Stat === 'Sum' && MetricStat.Period === 300)
  const sum = queries.filter(({ ReturnData }) => ReturnData !== false)
  const added = terms.map(({ Id }) => `FILL(${Id}, 0)`).join(' + ')
  return queries.length === terms.length + 1 && sum.length === 1 && sum[0]?.Expression === added
    ? []
    : ['the sum of errors is not that of all functions']
}

const silenceFaults = ({ resources }: ResolvedStack): string[] => {
  const { AlarmActions, InsufficientDataActions } = resources['OverdueVolumesAlarm']?.Properties ?? {}
  return isDeepStrictEqual(InsufficientDataActions, AlarmActions)
    ? []
    : ['nobody is told that overdue backups are not counted']
}

/** Of a stack with alarms, an address to tell, and a dashboard. */
export const watchingFaults = (stack: ResolvedStack): string[] => {
  const known = knownMetrics(stack)
  const alarms = ofType(stack, 'AWS::CloudWatch::Alarm')
  const alarmed = alarms.flatMap(([, { Properties }]) => alarmMetrics(Properties))
  const shown = dashboardMetrics(stack)
  return [
    ...[...alarmed, ...shown]
      .filter((metric) => !known.has(metric))
      .map((metric) => `nobody counts ${metric}`),
    ...watched(stack)
      .filter((metric) => !alarmed.includes(metric))
      .map((metric) => `there is no alarm of ${metric}`),
    ...alarms
      .filter(([, { Properties }]) => [Properties['AlarmActions']].flat().length !== 1)
      .map(([id]) => `${id} tells nobody`),
    ...conditionFaults(alarms),
    ...sumFaults(stack),
    ...silenceFaults(stack),
    ...(shown.length === 0 ? ['the dashboard shows nothing'] : []),
  ]
}

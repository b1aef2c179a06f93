/**
 * @module watching-mutations: faults in what watches, bounds and keeps, to put into the template. All are for the checks of ours: no
 * linter knows what is meant.
 */
import type { JsonRecord, Template } from './packaged-template.ts'
import type { mutations } from './template-mutations.ts'

/** Sets what is given in a resource's properties; `undefined` removes. */
const set =
  (id: string, change: Record<string, unknown>) =>
  ({ Resources }: Template): void => {
    Object.assign(Resources[id]!.Properties, change)
  }

/** In the text of a resource's properties. */
const replace =
  (id: string, from: string, to: string) =>
  ({ Resources }: Template): void => {
    const { Properties } = Resources[id]!
    Resources[id]!.Properties = JSON.parse(JSON.stringify(Properties).replace(from, () => to)) as JsonRecord
  }

const errors = 'FunctionErrorsAlarm'
const worker = 'PerformOperationLambdaFunction'

const changes: [what: string, change: (template: Template) => void][] = [
  ['an alarm at more errors than there ever are', set(errors, { Threshold: 1e9 })],
  ['an alarm when nothing fails', set(errors, { ComparisonOperator: 'LessThanThreshold' })],
  ['errors of one function alone', replace(errors, 'FILL(runRecurringJob, 0) + ', '')],
  ['errors of functions only while all are called', replace(errors, 'FILL(api, 0)', 'api')],
  ['an alarm of errors that sees no period to its end', set(errors, { EvaluationPeriods: 3 })],
  ['errors on average', replace(errors, '"Stat":"Sum"', '"Stat":"Average"')],
  ['errors of another five minutes', replace(errors, '"Period":300', '"Period":3600')],
  ['an alarm at the second dead letter', set('WorkerDeadLettersAlarm', { Threshold: 1 })],
  ['an alarm of a queue after a day', set('ReportQueueAlarm', { Period: 86400 })],
  ['an alarm of one late backup in all', set('OverdueVolumesAlarm', { Statistic: 'Minimum' })],
  ['silence that is good news', set('OverdueVolumesAlarm', { TreatMissingData: 'notBreaching' })],
  ['silence of which nobody is told', set('OverdueVolumesAlarm', { InsufficientDataActions: [] })],
  ['a log that is kept for ever', set('ReconcileLogGroup', { RetentionInDays: undefined })],
  ['a log that is kept for other than was asked', set('ApiLogGroup', { RetentionInDays: 30 })],
  [
    'traces by default',
    ({ Parameters }) => {
      Parameters['Tracing']!.Default = 'on'
    },
  ],
  ['no traces where they are asked for', set('ApiLambdaFunction', { TracingConfig: undefined })],
  ['requests of anybody without end', set('HttpApiStage', { DefaultRouteSettings: undefined })],
  ['a worker whose rounds are ended as a loop', set(worker, { RecursiveLoop: undefined })],
  ['another function that may loop', set('ApiLambdaFunction', { RecursiveLoop: 'Allow' })],
  [
    'a worker that takes all of the account',
    set('PerformOperationEventSourceMappingSQSWorkerQueue', { ScalingConfig: undefined }),
  ],
  ['hints that are kept as long as ticks', set('FailedHints', { MessageRetentionPeriod: 1209600 })],
  ['hints among the ticks', replace('indexbackuprule1EventBridgeRule', 'FailedHints', 'UndeliveredEvents')],
  ['hints that nobody may send', replace('FailedHintsPolicy', '-looks', '-look')],
  ['a function that may not keep what it fails at', replace('IndexBackupRole', 'FailedHints', 'ReportQueue')],
  [
    'former keys that backups are not read by',
    replace('FormerKeyUse', '{"Ref":"BackupRole"}', '{"Ref":"NodeRole"}'),
  ],
  ['former keys that nobody reads by', replace('FormerKeyUse', 'kms:Decrypt', 'kms:DescribeKey')],
  ['a key that the table is not read by', replace('KeyUse', '{"Ref":"ApiRole"}', '{"Ref":"NodeRole"}')],
]

export const watchingMutations: typeof mutations = changes.map(([what, change]) => [what, 'ours', change])

/**
 * @module template-mutations: faults to put into the template, so that it is known that somebody finds them.
 */
import type { Template } from './packaged-template.ts'

/** Who is to find what is done to the template. */
export const mutations: [
  what: string,
  by: 'ours' | 'cfn-lint' | 'validator',
  change: (template: Template) => void,
][] = [
  [
    'a pattern of other keys',
    'ours',
    ({ Resources }) => {
      const [rule] = Object.values(Resources).filter(({ Properties }) =>
        JSON.stringify(Properties).includes('aws.s3'),
      )
      Object.assign(rule!.Properties['EventPattern'] as object, { 'detail-type': ['Object Made'] })
    },
  ],
  [
    'another schedule',
    'ours',
    ({ Resources }) => {
      Resources['ReconcileEventsRuleSchedule1']!.Properties['ScheduleExpression'] = 'rate(1 hour)'
    },
  ],
  [
    'a schedule that is none',
    'cfn-lint',
    ({ Resources }) => {
      Resources['ReconcileEventsRuleSchedule1']!.Properties['ScheduleExpression'] = 'rate(1 minutes)'
    },
  ],
  [
    'a permission for everybody',
    'ours',
    ({ Resources }) => {
      Resources['JobRulesPermission']!.Properties['Principal'] = '*'
    },
  ],
  [
    "a permission for other accounts' rules",
    'ours',
    ({ Resources }) => {
      delete Resources['JobRulesPermission']!.Properties['SourceAccount']
    },
  ],
  [
    "another function's role",
    'ours',
    ({ Resources }) => {
      Resources['ApiLambdaFunction']!.Properties['Role'] = { 'Fn::GetAtt': ['ReconcileRole', 'Arn'] }
    },
  ],
  [
    'a misspelt service that is trusted',
    'ours',
    ({ Resources }) => {
      const text = JSON.stringify(Resources['ApiRole']).replace('lambda.amazonaws', 'lamda.amazonaws')
      Resources['ApiRole'] = JSON.parse(text) as Template['Resources'][string]
    },
  ],
  [
    'a misspelt action',
    'cfn-lint',
    ({ Resources }) => {
      const text = JSON.stringify(Resources['NodeRole']).replace('sqs:ReceiveMessage', 'sqs:RecieveMessage')
      Resources['NodeRole'] = JSON.parse(text) as Template['Resources'][string]
    },
  ],
  [
    'a right to everything',
    'ours',
    ({ Resources }) => {
      const text = JSON.stringify(Resources['NodeRole']).replace(
        /"Action":\[[^\]]*sqs[^\]]*\]/,
        '"Action":"*:*"',
      )
      Resources['NodeRole'] = JSON.parse(text) as Template['Resources'][string]
    },
  ],
  [
    'an action of objects on the bucket alone',
    'ours',
    ({ Resources }) => {
      const text = JSON.stringify(Resources['UsesBackups']).replace('${Name}/*', '${Name}')
      Resources['UsesBackups'] = JSON.parse(text) as Template['Resources'][string]
    },
  ],
  [
    'a misspelt condition',
    'ours',
    ({ Resources }) => {
      const text = JSON.stringify(Resources['ReconcileRole']).replace('events:TargetArn', 'events:TargetARNs')
      Resources['ReconcileRole'] = JSON.parse(text) as Template['Resources'][string]
    },
  ],
  [
    'messages that come again while they are worked at',
    'ours',
    ({ Resources }) => {
      Resources['WorkerQueue']!.Properties['VisibilityTimeout'] = 60
    },
  ],
  [
    'an alarm of a metric that nobody counts',
    'ours',
    ({ Resources }) => {
      Resources['OverdueVolumesAlarm']!.Properties['MetricName'] = 'OverdueVolume'
    },
  ],
  [
    'an alarm of a queue by another dimension',
    'ours',
    ({ Resources }) => {
      const [dimension] = Resources['ReportQueueAlarm']!.Properties['Dimensions'] as unknown as object[]
      Object.assign(dimension!, { Name: 'Queue' })
    },
  ],
  [
    'a dashboard that is no JSON',
    'ours',
    ({ Resources }) => {
      Resources['Dashboard']!.Properties['DashboardBody'] = '{ "widgets": ['
    },
  ],
  [
    'a table that goes with the stack',
    'ours',
    ({ Resources }) => {
      Resources['Table']!.DeletionPolicy = 'Delete'
    },
  ],
  [
    'an index of another key',
    'ours',
    ({ Resources }) => {
      const text = JSON.stringify(Resources['Table']).replaceAll('second_sk', 'third_sk')
      Resources['Table'] = JSON.parse(text) as Template['Resources'][string]
    },
  ],
  [
    'a bucket that tells of blocks',
    'ours',
    ({ Resources }) => {
      const text = JSON.stringify(Resources['Bucket']).replace('".cfg"', '""')
      Resources['Bucket'] = JSON.parse(text) as Template['Resources'][string]
    },
  ],
  [
    "a function that other accounts' buckets wake",
    'ours',
    ({ Resources }) => {
      delete Resources['ObjectsPermission']!.Properties['SourceAccount']
    },
  ],
  [
    'a bucket that may be public',
    'ours',
    ({ Resources }) => {
      Object.assign(Resources['Bucket']!.Properties['PublicAccessBlockConfiguration'] as object, {
        BlockPublicAcls: false,
      })
    },
  ],
  [
    'dead letters of another kind',
    'cfn-lint',
    ({ Resources }) => {
      Object.assign(Resources['WorkerQueue']!.Properties['RedrivePolicy'] as object, {
        deadLetterTargetArn: { 'Fn::GetAtt': ['ReportDeadLetters', 'Arn'] },
      })
    },
  ],
  [
    'a reference to nothing',
    'validator',
    ({ Resources }) => {
      Resources['ApiLambdaFunction']!.Properties['Role'] = { 'Fn::GetAtt': ['ApiRoles', 'Arn'] }
    },
  ],
  [
    'a property that there is not',
    'validator',
    ({ Resources }) => {
      Resources['Table']!.Properties['BilingMode'] = 'PAY_PER_REQUEST'
    },
  ],
]

/**
 * @module policy-mutations: policies made wider or narrower than they are to be, so that it is known that somebody finds it.
 */
import type { Json, JsonRecord, Template } from './packaged-template.ts'

type Change = (template: Template) => void
interface Policy {
  PolicyDocument: { Statement: JsonRecord[] }
}

const propertiesOf = ({ Resources }: Template, id: string): JsonRecord => {
  const { Properties } = Resources[id] ?? {}
  if (Properties) return Properties
  throw new Error(`the template has no ${id}`)
}

const statementIn = (template: Template, id: string, sid: string): JsonRecord => {
  const properties = propertiesOf(template, id)
  const policies = (properties['Policies'] ?? [properties]) as unknown as Policy[]
  const found = policies
    .flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
    .find(({ Sid }) => Sid === sid)
  if (found) return found
  throw new Error(`${id} has no ${sid}`)
}

const on =
  (id: string, sid: string, Resource: Json): Change =>
  (template) => {
    statementIn(template, id, sid)['Resource'] = Resource
  }

const anyOf = (service: string, rest: string): Json => ({
  'Fn::Sub': `arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${rest}`,
})
const roles = (rest: string): Json => ({
  'Fn::Sub': `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:role/${rest}`,
})

const withoutCondition =
  (id: string, sid: string): Change =>
  (template) => {
    delete statementIn(template, id, sid)['Condition']
  }

const trusting =
  (id: string, statement: JsonRecord): Change =>
  (template) => {
    const { Statement } = propertiesOf(template, id)['AssumeRolePolicyDocument'] as {
      Statement: JsonRecord[]
    }
    Object.assign(Statement[0] ?? {}, statement)
  }

const arnOf = (id: string): Json => ({ 'Fn::GetAtt': [id, 'Arn'] })

const without =
  (id: string): Change =>
  ({ Resources }) => {
    delete Resources[id]
  }

const notFor =
  (policyId: string, roleId: string): Change =>
  (template) => {
    const properties = propertiesOf(template, policyId)
    const left = (properties['Roles'] as { Ref: string }[]).filter(({ Ref }) => Ref !== roleId)
    properties['Roles'] = left
  }

const changes: Record<string, Change> = {
  'secrets of others that may be read': on('ApiRole', 'ReadsSecrets', anyOf('secretsmanager', 'secret:*')),
  'secrets of a stack of a longer name': on(
    'IndexBackupRole',
    'ReadsSecrets',
    anyOf('secretsmanager', 'secret:${AWS::StackName}*'),
  ),
  'secrets of others that may be changed': on(
    'ApiRole',
    'ChangesSecrets',
    anyOf('secretsmanager', 'secret:*'),
  ),
  'queues of others that may be made': on('ApiRole', 'MakesNodeQueues', anyOf('sqs', '*')),
  "commands to queues that are no node's": on(
    'RunRecurringJobRole',
    'CommandsNodes',
    anyOf('sqs', '${AWS::StackName}-*'),
  ),
  'commands to nodes of another region': on('ReconcileRole', 'CommandsNodes', {
    'Fn::Sub': 'arn:${AWS::Partition}:sqs:*:${AWS::AccountId}:${AWS::StackName}-node-*',
  }),
  'commands to nodes of another account': on('ReconcileRole', 'CommandsNodes', {
    'Fn::Sub': 'arn:${AWS::Partition}:sqs:${AWS::Region}:*:${AWS::StackName}-node-*',
  }),
  'reports to any queue': on('PerformOperationRole', 'Reports', anyOf('sqs', '*')),
  'a queue that is not polled': on('RecordReportRole', 'ServicePollsReports', arnOf('UndeliveredEvents')),
  'all queues to a node': on('NodeRole', 'TakesCommands', anyOf('sqs', '*')),
  'all queues of the stack to a node': on('NodeRole', 'TakesCommands', anyOf('sqs', '${AWS::StackName}-*')),
  "rules that are no job's": on('ApiRole', 'ChangesJobRules', anyOf('events', 'rule/${AWS::StackName}-*')),
  'rules of others': on('ReconcileRole', 'ChangesJobRules', anyOf('events', 'rule/*')),
  'rules aimed at any function by reconcile': withoutCondition('ReconcileRole', 'AimsJobRules'),
  'rules aimed at any function by the API': withoutCondition('ApiRole', 'AimsJobRules'),
  'rules aimed at any function beside their own': (template) => {
    const statement = statementIn(template, 'ApiRole', 'AimsJobRules')
    const [keys = null] = Object.values(statement['Condition'] as JsonRecord)
    statement['Condition'] = { 'ForAnyValue:ArnEquals': keys }
  },
  'events of any kind': withoutCondition('ReconcileRole', 'AsksForLooks'),
  'events on any bus': on('ReconcileRole', 'AsksForLooks', anyOf('events', 'event-bus/*')),
  'tables of others': on('ReconcileRole', 'ReadsAndWritesCatalog', anyOf('dynamodb', 'table/*')),
  'a table without its indexes': on('ApiRole', 'ReadsAndWritesCatalog', arnOf('Table')),
  'items of others that may go': on('IndexBackupRole', 'RemovesFromCatalog', anyOf('dynamodb', 'table/*')),
  'logs of others': on('IndexBackupRole', 'ServiceWritesLogs', anyOf('logs', 'log-group:*')),
  'buckets of others': on('UsesBackups', 'ReadsAndWritesBackups', ['arn:aws:s3:::*', 'arn:aws:s3:::*/*']),
  'a bucket whose name begins alike': on('UsesBackups', 'ReadsAndWritesBackups', [
    { 'Fn::Sub': 'arn:aws:s3:::${Bucket}*' },
    { 'Fn::Sub': 'arn:aws:s3:::${Bucket}*/*' },
  ]),
  "roles of others as a node's": on('VendsNodes', 'AssumesNodeRole', roles('*')),
  'any role of the stack': on('ReachesBackups', 'AssumesBackupRole', roles('${AWS::StackName}-*')),
  'roles of any account': on('ReachesTargets', 'AssumesTargetRoles', 'arn:aws:iam::*:role/*'),
  'no session of a node': without('VendsNodes'),
  'no session of backups': without('ReachesBackups'),
  'no session of targets': without('ReachesTargets'),
  'targets that index-backup cannot reach': notFor('ReachesTargets', 'IndexBackupRole'),
  'a policy of AWS on top': (template) => {
    propertiesOf(template, 'RecordReportRole')['ManagedPolicyArns'] = [
      'arn:aws:iam::aws:policy/AmazonSQSFullAccess',
    ]
  },
  'a policy that stands alone': ({ Resources }) => {
    const { Properties } = Resources['ReachesBackups'] ?? { Properties: {} }
    Resources['More'] = { Type: 'AWS::IAM::ManagedPolicy', Properties }
  },
  'a key that nobody may use': without('KeyUse'),
  'a key that sessions of backups may not use': notFor('KeyUse', 'BackupRole'),
  'a key for more than bucket and table': withoutCondition('KeyUse', 'ServiceUsesKey'),
  'a key for the table alone': (template) => {
    statementIn(template, 'KeyUse', 'ServiceUsesKey')['Condition'] = {
      StringEquals: { 'kms:ViaService': { 'Fn::Sub': 'dynamodb.${AWS::Region}.${AWS::URLSuffix}' } },
    }
  },
  'keys of others': on('KeyUse', 'ServiceUsesKey', anyOf('kms', 'key/*')),
  'backups for one function alone': trusting('BackupRole', { Principal: { AWS: arnOf('ApiRole') } }),
  'backups for whom another action is allowed': trusting('BackupRole', { Action: 'sts:AssumeRoleWithSAML' }),
  'backups for all of the account': trusting('BackupRole', {
    Principal: { AWS: { 'Fn::Sub': 'arn:${AWS::Partition}:iam::${AWS::AccountId}:root' } },
  }),
  'nodes by another function': trusting('NodeRole', { Principal: { AWS: arnOf('ReconcileRole') } }),
  'nodes by a function more': trusting('NodeRole', {
    Principal: { AWS: [arnOf('ApiRole'), arnOf('ReconcileRole')] },
  }),
  'a key for everybody': (template) => {
    const { Statement } = propertiesOf(template, 'Key')['KeyPolicy'] as { Statement: JsonRecord[] }
    Object.assign(Statement[0] ?? {}, { Principal: '*' })
  },
  'a role of a function for another service': trusting('ReconcileRole', {
    Principal: { Service: ['lambda.amazonaws.com', 'ec2.amazonaws.com'] },
  }),
}

export const policyMutations = Object.entries(changes).map(
  ([what, change]) => [what, 'ours', change] as const,
)

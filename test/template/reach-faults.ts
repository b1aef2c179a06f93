/**
 * @module reach-faults: what each role may do, and to what: each of its actions is tried on all that is of this stack, and on what is
 * another's but looks alike. It is to be allowed where it is needed, and nowhere else.
 */
import { isDeepStrictEqual } from 'node:util'
import { isAllowed, type IamRequest } from './iam-verdicts.ts'
import { plain } from './packaged-template.ts'
import { knowsResource, listed, statementsOf, type Statement } from './policy-faults.ts'
import { account, region, type ResolvedStack } from './resolved-stack.ts'
import { ofType } from './wiring-faults.ts'

type Thing = Omit<IamRequest, 'action'>

/** Given to the stack, not made by it. */
export interface Given {
  keyArn: string
  formerKeys: readonly string[]
  targetRoleArn: string
}

const thing = (resource: string, context: Thing['context'] = {}): Thing => ({ resource, context })
const arn = (service: string, rest: string): string => `arn:aws:${service}:${region}:${account}:${rest}`
const lookType = 'Target Look Due'
const bus = (name: string, sources: string[], types: string[]): Thing =>
  thing(arn('events', `event-bus/${name}`), { 'events:source': sources, 'events:detail-type': types })
const byService = (service: string) => ({ 'kms:ViaService': `${service}.${region}.amazonaws.com` })
const role = (name: string): string => `arn:aws:iam::${account}:role/${name}`

const thingsOf = ({ stackName, outputs }: ResolvedStack, { keyArn, formerKeys, targetRoleArn }: Given) => {
  const queue = (name: string) => thing(arn('sqs', `${stackName}-${name}`))
  const logOf = (name: string) =>
    thing(arn('logs', `log-group:/aws/lambda/${stackName}-${name}:log-stream:one`))
  const ruleFor = (...names: string[]) =>
    thing(arn('events', `rule/${stackName}-job-hourly`), {
      'events:TargetArn': names.map((name) => arn('lambda', `function:${stackName}-${name}`)),
    })
  const bucket = `arn:aws:s3:::${plain(outputs['BucketName'])}`
  return {
    all: thing('*'),
    table: thing(arn('dynamodb', `table/${stackName}-Table`)),
    index: thing(arn('dynamodb', `table/${stackName}-Table/index/first`)),
    nodeQueue: queue('node-edge-1-0a1b2c3d.fifo'),
    reportQueue: queue('ReportQueue'),
    workerQueue: queue('worker.fifo'),
    undelivered: queue('UndeliveredEvents'),
    failedHints: queue('FailedHints'),
    jobRule: ruleFor('run-recurring-job'),
    jobRuleForOthersToo: ruleFor('run-recurring-job', 'reconcile'),
    look: bus('default', ['drover'], [lookType]),
    secret: thing(arn('secretsmanager', `secret:${stackName}/minio-AbCdEf`)),
    bucket: thing(bucket),
    object: thing(`${bucket}/backupstore/volumes/a.cfg`),
    keyByS3: thing(keyArn, byService('s3')),
    keyByDynamodb: thing(keyArn, byService('dynamodb')),
    formerKeyByS3: thing(formerKeys[0] ?? '', byService('s3')),
    formerKeyByDynamodb: thing(formerKeys.at(-1) ?? '', byService('dynamodb')),
    nodeRole: thing(role(`${stackName}-NodeRole`)),
    backupRole: thing(role(`${stackName}-BackupRole`)),
    targetRole: thing(targetRoleArn),
    runRecurringJobLog: logOf('run-recurring-job'),
    indexBackupLog: logOf('index-backup'),
    recordReportLog: logOf('record-report'),
    reconcileLog: logOf('reconcile'),
    performOperationLog: logOf('perform-operation'),
    apiLog: logOf('api'),
  } satisfies Record<string, Thing>
}
type Name = keyof ReturnType<typeof thingsOf>

/** What is the stack's, and no role's to touch; and what only begins alike. */
const untouched = ({ stackName, outputs }: ResolvedStack, { keyArn, formerKeys }: Given): Thing[] => [
  ...['nodes-dead.fifo', 'worker-dead.fifo', 'ReportDeadLetters'].map((name) =>
    thing(arn('sqs', `${stackName}-${name}`)),
  ),
  ...[`${stackName}-minute`, `${stackName}-objects`, `other/${stackName}-job-hourly`].map((name) =>
    thing(arn('events', `rule/${name}`)),
  ),
  bus('default', ['drover', 'aws.s3'], [lookType]),
  bus('default', ['drover'], [lookType, 'Object Deleted']),
  bus('other', ['drover'], [lookType]),
  thing(keyArn),
  thing(keyArn, byService('ec2')),
  ...formerKeys.map((former) => thing(former)),
  ...['ApiRole', 'ReconcileRole', 'BackupRole2'].map((name) => thing(role(`${stackName}-${name}`))),
  thing(arn('dynamodb', `table/${stackName}-Table2`)),
  ...['', '/backupstore/volumes/a.cfg'].map((key) =>
    thing(`arn:aws:s3:::${plain(outputs['BucketName'])}2${key}`),
  ),
]

/** The same of a stack whose name begins as ours does, in another region, in another account; and what has no such name. */
const othersOf = ({ stackName }: ResolvedStack, own: readonly Thing[]): Thing[] => [
  ...own.flatMap(({ resource, context }) =>
    [
      resource.replace(stackName, `${stackName}2`),
      resource.replace(region, 'eu-west-1'),
      resource.replace(account, '000000000000'),
    ]
      .filter((other) => other !== resource)
      .map((other) => thing(other, context)),
  ),
  ...['arn:aws:s3:::theirs', 'arn:aws:s3:::theirs/backupstore/volumes/a.cfg', role('theirs')].map(
    (resource) => thing(resource),
  ),
]

const readAndWrite = ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query']
const remove = ['dynamodb:DeleteItem']
const send = ['sqs:SendMessage']
const poll = ['sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage']
const writeLog = ['logs:CreateLogStream', 'logs:PutLogEvents']
const trace = ['xray:PutTelemetryRecords', 'xray:PutTraceSegments']
const changeRule = ['events:DeleteRule', 'events:PutRule', 'events:RemoveTargets', 'events:TagResource']
const useKey = ['kms:Decrypt', 'kms:GenerateDataKey']
const assume = ['sts:AssumeRole']
const readSecret = ['secretsmanager:GetSecretValue']

type Reach = Partial<Record<Name, readonly string[]>>

const keys: Reach = {
  keyByS3: useKey,
  keyByDynamodb: useKey,
  formerKeyByS3: ['kms:Decrypt'],
  formerKeyByDynamodb: ['kms:Decrypt'],
}
const everyFunction: Reach = { all: trace, ...keys }
const targets: Reach = { secret: readSecret, backupRole: assume, targetRole: assume }

/** What each role is for: not more, not less. */
const reachOf: Record<string, Reach> = {
  RunRecurringJobRole: {
    ...everyFunction,
    runRecurringJobLog: writeLog,
    undelivered: send,
    table: readAndWrite,
    index: readAndWrite,
    nodeQueue: send,
  },
  IndexBackupRole: {
    ...everyFunction,
    ...targets,
    indexBackupLog: writeLog,
    failedHints: send,
    table: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query', ...remove],
  },
  RecordReportRole: {
    ...everyFunction,
    ...targets,
    recordReportLog: writeLog,
    reportQueue: poll,
    table: [...readAndWrite, ...remove],
    index: readAndWrite,
    nodeQueue: send,
  },
  ReconcileRole: {
    ...everyFunction,
    all: [...trace, 'events:ListRuleNamesByTarget', 'events:ListRules'],
    reconcileLog: writeLog,
    table: [...readAndWrite, ...remove],
    index: readAndWrite,
    nodeQueue: send,
    workerQueue: send,
    jobRule: [...changeRule, 'events:PutTargets'],
    jobRuleForOthersToo: changeRule,
    look: ['events:PutEvents'],
  },
  PerformOperationRole: {
    ...everyFunction,
    ...targets,
    performOperationLog: writeLog,
    workerQueue: [...poll, ...send],
    table: ['dynamodb:GetItem', 'dynamodb:PutItem'],
    reportQueue: send,
  },
  ApiRole: {
    ...everyFunction,
    ...targets,
    all: [...trace, 'secretsmanager:ListSecrets'],
    apiLog: writeLog,
    look: ['events:PutEvents'],
    table: [...readAndWrite, ...remove],
    index: readAndWrite,
    nodeQueue: [...send, 'sqs:CreateQueue', 'sqs:DeleteQueue', 'sqs:TagQueue'],
    workerQueue: send,
    reportQueue: send,
    jobRule: [...changeRule, 'events:PutTargets'],
    jobRuleForOthersToo: changeRule,
    secret: [
      ...readSecret,
      'secretsmanager:CreateSecret',
      'secretsmanager:DeleteSecret',
      'secretsmanager:PutSecretValue',
      'secretsmanager:RestoreSecret',
      'secretsmanager:TagResource',
    ],
    nodeRole: assume,
  },
  NodeRole: { nodeQueue: ['sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:ReceiveMessage'] },
  BackupRole: {
    bucket: ['s3:ListBucket'],
    object: ['s3:DeleteObject', 's3:GetObject', 's3:PutObject'],
    ...keys,
  },
}

interface Question {
  action: string
  /** On what it is to be allowed. */
  needed: readonly string[]
  /** All that allow it on something. */
  statements: readonly Statement[]
}

const actionFaults = async (
  stack: ResolvedStack,
  given: Given,
  { action, needed, statements }: Question,
): Promise<string[]> => {
  const things = thingsOf(stack, given)
  const own = Object.entries(things)
  const foreign = [...untouched(stack, given), ...othersOf(stack, Object.values(things))]
  const faults: string[] = []
  for (const [name, asked] of [...own, ...foreign.map((each) => ['', each] as const)]) {
    if (!(await knowsResource(action, asked.resource))) continue
    const isNeeded = needed.includes(name)
    if ((await isAllowed(statements, { action, ...asked })) !== isNeeded)
      faults.push(
        `${isNeeded ? 'lacks' : 'is allowed'} ${action} on ${asked.resource} ${JSON.stringify(asked.context)}`,
      )
  }
  return faults
}

/** Some thousand verdicts: of the same statements they are the same, and a fault that is put into the template changes one or two. */
const judged = new Map<string, Promise<string[]>>()

const roleFaults = async (stack: ResolvedStack, given: Given, roleId: string): Promise<string[]> => {
  const { Properties = {} } = stack.resources[roleId] ?? {}
  const { AssumeRolePolicyDocument: _t, Description: _d, Policies: _p, ...unread } = Properties
  if (Object.keys(unread).length > 0) return [`${roleId} has ${Object.keys(unread).join(', ')}`]
  const statements = statementsOf(stack, roleId)
  const reach = Object.entries(reachOf[roleId] ?? {})
  const actions = [...new Set(statements.flatMap(({ Action }) => listed(Action)))].toSorted()
  const wanted = [...new Set(reach.flatMap(([, each]) => each))].toSorted()
  if (!isDeepStrictEqual(actions, wanted)) return [`${roleId} is allowed ${actions.join(', ')}`]
  const faults: string[] = []
  for (const action of actions) {
    const about: Question = {
      action,
      needed: reach.filter(([, each]) => each.includes(action)).map(([name]) => name),
      statements: statements.filter(({ Action }) => listed(Action).includes(action)),
    }
    const key = JSON.stringify([stack.stackName, stack.outputs['BucketName'], given, about])
    const found = judged.get(key) ?? actionFaults(stack, given, about)
    judged.set(key, found)
    faults.push(...(await found).map((fault) => `${roleId} ${fault}`))
  }
  return faults
}

const readTypes = new Set(['AWS::IAM::Role', 'AWS::IAM::Policy'])

/** Of a stack with key, traces and a role of a target. */
export const reachFaults = async (stack: ResolvedStack, given: Given): Promise<string[]> => {
  const faults = Object.entries(stack.resources)
    .filter(([, { Type }]) => Type.startsWith('AWS::IAM::') && !readTypes.has(Type))
    .map(([id]) => `${id} allows what is not looked at here`)
  for (const [roleId] of ofType(stack, 'AWS::IAM::Role'))
    faults.push(...(await roleFaults(stack, given, roleId)))
  return faults
}

/**
 * An installation in moto's CloudFormation, EventBridge, SQS and Secrets Manager, among others' of names like its own.
 */
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation'
import {
  EventBridgeClient,
  ListRulesCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge'
import {
  CreateSecretCommand,
  ListSecretsCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { CreateQueueCommand, ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#lib/base/clock.ts'
import { motoAccount, startMoto, type Moto } from '#test/oracles/moto.ts'
import { cloudformationStack } from './cloudformation-stack.ts'
import { eventbridgeJobRules } from './eventbridge-job-rules.ts'
import { findLeftovers } from './find-leftovers.ts'
import { installationNames, type Installation } from './installation.ts'
import { secretsManagerSecrets } from './secrets-manager-secrets.ts'
import { sqsMadeQueues } from './sqs-made-queues.ts'
import { uninstall } from './uninstall.ts'

let moto: Moto
let clients: ReturnType<typeof clientsOf>
const clientsOf = ({ clientSettings }: Moto) => ({
  stacks: new CloudFormationClient(clientSettings),
  rules: new EventBridgeClient(clientSettings),
  queues: new SQSClient(clientSettings),
  secrets: new SecretsManagerClient(clientSettings),
})
beforeAll(async () => {
  moto = await startMoto()
  clients = clientsOf(moto)
})
afterAll(() => moto?.stop())

const template = {
  Description: "Drover's control plane.",
  Resources: {
    Table: {
      Type: 'AWS::DynamoDB::Table',
      DeletionPolicy: 'Retain',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      },
    },
    NodeDeadLetters: {
      Type: 'AWS::SQS::Queue',
      Properties: { QueueName: 'drover-nodes-dead.fifo', FifoQueue: true },
    },
  },
}

const makeStack = (StackName: string, body: object): Promise<unknown> =>
  clients.stacks.send(new CreateStackCommand({ StackName, TemplateBody: JSON.stringify(body) }))

const lambdaArn = (name: string): string => `arn:aws:lambda:us-east-1:${motoAccount}:function:${name}`
const makeRule = async (Name: string, functionName?: string): Promise<void> => {
  await clients.rules.send(new PutRuleCommand({ Name, ScheduleExpression: 'rate(1 hour)' }))
  if (functionName === undefined) return
  const Targets = [{ Id: 'function', Arn: lambdaArn(functionName) }]
  await clients.rules.send(new PutTargetsCommand({ Rule: Name, Targets }))
}
const makeQueue = (QueueName: string, dead?: string): Promise<unknown> => {
  const policy = JSON.stringify({
    deadLetterTargetArn: `arn:aws:sqs:us-east-1:${motoAccount}:${dead}`,
    maxReceiveCount: 5,
  })
  const Attributes = { FifoQueue: 'true', ...(dead !== undefined && { RedrivePolicy: policy }) }
  return clients.queues.send(new CreateQueueCommand({ QueueName, Attributes }))
}
const makeSecret = (Name: string): Promise<unknown> =>
  clients.secrets.send(new CreateSecretCommand({ Name, SecretString: '{}' }))

const ours = {
  // More than a page of moto's.
  rules: Array.from({ length: 60 }, (_, index) => `drover-job-${String(index).padStart(3, '0')}`),
  queues: ['drover-node-node-1-01234567.fifo', 'drover-node-node-2-89abcdef.fifo'],
  secrets: ['drover/aws', 'drover/minio'],
}
const others = {
  rules: ['drover-job-job-nightly', 'drover-minute', 'my-drover-job-x'],
  queues: [
    'drover-node-node-node-1-01234567.fifo',
    'drover-node-nodes-dead.fifo',
    // Of the stack, which moto deletes without it.
    'drover-nodes-dead.fifo',
    'drover-worker.fifo',
  ],
  secrets: ['Drover/aws', 'drover', 'drover2/aws', 'my/drover/aws'],
}

const seed = async (): Promise<void> => {
  await moto.reset()
  await makeStack('drover', template)
  await makeStack('other', {
    ...template,
    Description: 'shop',
    Resources: { Table: template.Resources.Table },
  })
  await Promise.all(ours.rules.map((rule) => makeRule(rule, 'drover-run-recurring-job')))
  await makeRule('drover-job-job-nightly', 'drover-job-run-recurring-job')
  for (const rule of ['drover-minute', 'my-drover-job-x']) await makeRule(rule, 'drover-run-recurring-job')
  await makeQueue('drover-node-nodes-dead.fifo')
  await makeQueue('drover-worker.fifo')
  for (const queue of ours.queues) await makeQueue(queue, 'drover-nodes-dead.fifo')
  await makeQueue('drover-node-node-node-1-01234567.fifo', 'drover-node-nodes-dead.fifo')
  for (const secret of [...ours.secrets, ...others.secrets]) await makeSecret(secret)
}
beforeEach(seed)

const allThere = async () => {
  const [{ Rules = [] }, { QueueUrls = [] }, { SecretList = [] }, { Stacks = [] }] = await Promise.all([
    clients.rules.send(new ListRulesCommand({ Limit: 100 })),
    clients.queues.send(new ListQueuesCommand({})),
    clients.secrets.send(new ListSecretsCommand({ MaxResults: 100 })),
    clients.stacks.send(new DescribeStacksCommand({})),
  ])
  return {
    rules: Rules.map(({ Name = '' }) => Name).toSorted(),
    queues: QueueUrls.map((url) => url.slice(url.lastIndexOf('/') + 1)).toSorted(),
    secrets: SecretList.map(({ Name = '' }) => Name).toSorted(),
    stacks: Stacks.map(({ StackName }) => StackName),
  }
}
const onlyOthers = { ...others, stacks: ['other'] }

/** `signal` is aborted before the call of that number, as Ctrl-C does it. */
const installationOf = (stack: string, signal = new AbortController().signal): Installation => {
  const names = installationNames(stack)
  return {
    stack: cloudformationStack({ client: clients.stacks, signal }, stack),
    rules: eventbridgeJobRules({ client: clients.rules, signal }, names),
    queues: sqsMadeQueues({ client: clients.queues, signal }, names),
    secrets: secretsManagerSecrets({ client: clients.secrets, signal }, names),
  }
}
const run = (stack = 'drover', controller = new AbortController(), onStep = () => {}) => {
  const { signal } = controller
  const installation = installationOf(stack, signal)
  return uninstall({ installation, clock: systemClock, signal, onStep })({ keepSecrets: false })
}

describe('an installation among others', () => {
  it('is told from them', async () => {
    expect(await findLeftovers(installationOf('drover'))).toEqual({
      stack: {
        kind: 'there',
        id: expect.stringContaining(':stack/drover/'),
        status: 'CREATE_COMPLETE',
        isDrover: true,
        kept: [{ type: 'AWS::DynamoDB::Table', name: expect.any(String) }],
      },
      ...ours,
    })
  })

  it('goes, and nothing else does', async () => {
    expect(await run()).toMatchObject({
      isComplete: true,
      left: { stack: { kind: 'deleted', deletedAt: expect.stringMatching(/^\d{4}-.*Z$/) }, rules: [] },
    })
    expect(await allThere()).toEqual(onlyOthers)
  })

  it('goes though it was cut off, wherever that was', async () => {
    const stepsInAll = 1 + ours.rules.length + ours.queues.length + ours.secrets.length
    for (const cutOffAt of [1, 30, stepsInAll]) {
      await seed()
      const controller = new AbortController()
      let steps = 0
      const onStep = () => {
        steps++
        if (steps === cutOffAt) controller.abort(new Error('interrupted'))
      }
      await expect(run('drover', controller, onStep)).rejects.toThrow('interrupted')
      expect(await run()).toMatchObject({ isComplete: true })
      expect(await allThere()).toEqual(onlyOthers)
    }
  })

  it('whose rule lost its target and was then left is finished', async () => {
    await clients.rules.send(new RemoveTargetsCommand({ Rule: 'drover-job-000', Ids: ['function'] }))
    await run()
    expect(await allThere()).toEqual(onlyOthers)
  })

  it('twice is fine, and so is one that never was', async () => {
    await run()
    expect(await run()).toMatchObject({ isComplete: true, left: { stack: { kind: 'deleted' } } })
    expect(await run('never-was')).toMatchObject({ isComplete: true, left: { stack: { kind: 'unknown' } } })
    expect(await allThere()).toEqual(onlyOthers)
  })

  it("is not another's stack", async () => {
    await expect(run('other')).rejects.toMatchObject({ code: 'not-drover' })
    expect((await allThere()).stacks).toContain('other')
  })
})

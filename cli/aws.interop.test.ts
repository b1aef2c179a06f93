/**
 * `drover aws` on a stack in moto, with a rule, a queue and a secret beside it.
 */
import { CloudFormationClient, CreateStackCommand } from '@aws-sdk/client-cloudformation'
import { EventBridgeClient, ListRulesCommand, PutRuleCommand } from '@aws-sdk/client-eventbridge'
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { droverOnService, type DroverOnService, type RunOptions } from '#test/drover-on-service.ts'
import { motoAccount, startMoto, type Moto } from '#test/oracles/moto.ts'

let moto: Moto
let service: DroverOnService
beforeAll(async () => {
  ;[moto, service] = await Promise.all([startMoto(), droverOnService()])
})
afterAll(async () => {
  await service?.stop()
  await moto?.stop()
})

const template = JSON.stringify({
  Description: "Drover's control plane.",
  Resources: {
    Bucket: { Type: 'AWS::S3::Bucket', DeletionPolicy: 'Retain', Properties: { BucketName: 'backups' } },
  },
})
const queue = 'drover-node-node-1-01234567.fifo'
const redrive = JSON.stringify({
  deadLetterTargetArn: `arn:aws:sqs:us-east-1:${motoAccount}:drover-nodes-dead.fifo`,
  maxReceiveCount: 5,
})

beforeEach(async () => {
  const { endpoint, region, credentials } = moto.clientSettings
  vi.stubEnv('AWS_ENDPOINT_URL', endpoint)
  vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId)
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey)
  vi.stubEnv('AWS_REGION', region)
  for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'HTTP_PROXY', 'http_proxy'])
    vi.stubEnv(name, undefined)
  await moto.reset()
  const sqs = new SQSClient(moto.clientSettings)
  await new CloudFormationClient(moto.clientSettings).send(
    new CreateStackCommand({ StackName: 'drover', TemplateBody: template }),
  )
  await new EventBridgeClient(moto.clientSettings).send(
    new PutRuleCommand({ Name: 'drover-job-nightly', ScheduleExpression: 'rate(1 hour)' }),
  )
  for (const [QueueName, more] of [
    ['drover-nodes-dead.fifo', {}],
    [queue, { RedrivePolicy: redrive }],
  ] as const)
    await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { FifoQueue: 'true', ...more } }))
  await new SecretsManagerClient(moto.clientSettings).send(
    new CreateSecretCommand({ Name: 'drover/aws', SecretString: '{}' }),
  )
})
afterEach(() => vi.unstubAllEnvs())

const drover = (command: string, options?: RunOptions) =>
  service.drover(['aws', ...command.split(' ')], options)
const rulesLeft = async (): Promise<number> =>
  (await new EventBridgeClient(moto.clientSettings).send(new ListRulesCommand({}))).Rules?.length ?? 0

describe('drover aws leftovers', () => {
  it('shows what there is, and ends with 1', async () => {
    const { code, stdout } = await drover('leftovers --stack drover')
    expect(code).toBe(1)
    expect(stdout.split('\n').slice(0, 5)).toEqual([
      'stack                      drover in us-east-1: CREATE_COMPLETE',
      'rules of jobs              drover-job-nightly',
      `queues of nodes            ${queue}`,
      'secrets                    drover/aws',
      'stays when the stack goes  S3::Bucket backups',
    ])
  })

  it('in JSON', async () => {
    const { stdout } = await drover('leftovers --stack drover --json')
    expect(JSON.parse(stdout)).toEqual({
      stack: {
        name: 'drover',
        region: 'us-east-1',
        kind: 'there',
        id: expect.any(String),
        status: 'CREATE_COMPLETE',
        isDrover: true,
        kept: [{ type: 'AWS::S3::Bucket', name: 'backups' }],
      },
      rules: ['drover-job-nightly'],
      queues: [queue],
      secrets: ['drover/aws'],
      isAnythingLeft: true,
    })
  })

  it('ends with 0 where there is nothing, as in another region', async () => {
    const elsewhere = await drover('leftovers --stack drover --region eu-central-1')
    expect(elsewhere).toMatchObject({ code: 0, stderr: '' })
    expect(elsewhere.stdout).toContain('drover in eu-central-1: not there')
  })
})

describe('drover aws uninstall', () => {
  it('shows what goes and asks, and a no changes nothing', async () => {
    const { code, stdout, questions } = await drover('uninstall --stack drover', { answer: false })
    expect(code).toBe(1)
    expect(questions).toEqual(['uninstall drover in us-east-1?'])
    expect(stdout).toContain(queue)
    expect((await drover('leftovers --stack drover')).code).toBe(1)
    expect(await rulesLeft()).toBe(1)
  })

  it('leaves nothing, and says how far it is', async () => {
    const { code, steps, stdout } = await drover('uninstall --stack drover', { answer: true })
    expect({ code, rules: await rulesLeft() }).toEqual({ code: 0, rules: 0 })
    expect(stdout).toContain('drover in us-east-1: deleted at ')
    expect(new Set(steps.map(({ what, unit }) => `${what}, ${unit}`))).toEqual(
      new Set([
        'deleting the stack, resources',
        'removing rules, resources',
        'removing queues, resources',
        'removing secrets, resources',
      ]),
    )
    expect((await drover('leftovers --stack drover')).code).toBe(0)
  })

  it('keeps secrets where it is to; a second run without takes them', async () => {
    const first = await drover('uninstall --stack drover --yes --keep-secrets --json')
    expect(first.code).toBe(0)
    const lines = first.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines).toMatchObject([
      { found: { rules: ['drover-job-nightly'], secrets: [] } },
      { uninstalled: { rules: [], queues: [], secrets: ['drover/aws'] }, isComplete: true },
    ])
    expect((await drover('leftovers --stack drover --quiet')).stdout).toBe('drover/aws\n')
    expect((await drover('uninstall --stack drover --yes')).code).toBe(0)
    expect((await drover('leftovers --stack drover')).code).toBe(0)
  })
})

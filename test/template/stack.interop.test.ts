/**
 * The packaged template as a stack on moto, which shows that it parses, that references resolve, and what names and outputs are. Not that
 * AWS would take it: moto makes what it knows and passes over the rest, and so each of those is named here.
 */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
  paginateListStackResources,
  UpdateStackCommand,
  type Parameter,
} from '@aws-sdk/client-cloudformation'
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DescribeRuleCommand, EventBridgeClient, ListTargetsByRuleCommand } from '@aws-sdk/client-eventbridge'
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startMoto, type Moto } from '../oracles/moto.ts'
import { everything } from './everything.ts'
import { packagedTemplate, packageFolder, templatePath, type Template } from './packaged-template.ts'
import { patternsOf } from './patterns.ts'
import { resolvedStack, type ResolvedStack } from './resolved-stack.ts'
import { standing, unlisted } from './standing-on-moto.ts'

const stackName = 'our-drover'

/** What moto passes over without a word. */
const unsupported = new Set([
  'AWS::ApiGatewayV2::Api',
  'AWS::ApiGatewayV2::Integration',
  'AWS::ApiGatewayV2::Route',
  'AWS::ApiGatewayV2::Stage',
  'AWS::CloudWatch::Alarm',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::S3::BucketPolicy',
  'AWS::SQS::QueuePolicy',
])

let moto: Moto
let template: Template
let stacks: CloudFormationClient

/** As the operator does. */
const uploadZips = async (): Promise<void> => {
  const client = new S3Client({ ...moto.clientSettings, forcePathStyle: true })
  await client.send(new CreateBucketCommand({ Bucket: 'artifacts' }))
  for (const name of (await readdir(packageFolder)).filter((each) => each.endsWith('.zip'))) {
    const Body = await readFile(join(packageFolder, name))
    await client.send(new PutObjectCommand({ Bucket: 'artifacts', Key: name, Body }))
  }
  client.destroy()
}

beforeAll(async () => {
  moto = await startMoto()
  template = await packagedTemplate()
  stacks = new CloudFormationClient(moto.clientSettings)
  await uploadZips()
})
afterAll(async () => {
  stacks.destroy()
  await moto.stop()
})

const body = () => readFile(templatePath, 'utf8')
const resolved = (parameters: Record<string, string>): ResolvedStack =>
  resolvedStack(template, { stackName, parameters: { ArtifactsBucket: 'artifacts', ...parameters } })
const given = (parameters: Record<string, string>): Parameter[] =>
  Object.entries({ ArtifactsBucket: 'artifacts', ...parameters }).map(([ParameterKey, ParameterValue]) => ({
    ParameterKey,
    ParameterValue,
  }))

/** Logical id → what it was made as. */
const made = async (StackName = stackName): Promise<Map<string, string>> => {
  const found = new Map<string, string>()
  for await (const page of paginateListStackResources({ client: stacks }, { StackName }))
    for (const { LogicalResourceId, PhysicalResourceId = '' } of page.StackResourceSummaries ?? [])
      // It lists what it passed over too, without a name.
      if (LogicalResourceId) found.set(LogicalResourceId, PhysicalResourceId)
  return found
}

const wanted = ({ resources }: Pick<ResolvedStack, 'resources'>): string[] =>
  Object.entries(resources)
    .filter(([, { Type }]) => !unsupported.has(Type))
    .map(([id]) => id)
    .toSorted()

/** Of what moto makes, and some service lists. */
const listed = ({ resources }: ResolvedStack): string[] =>
  wanted({
    resources: Object.fromEntries(Object.entries(resources).filter(([, { Type }]) => !unlisted.has(Type))),
  })

const outputs = async (): Promise<Record<string, string>> => {
  const { Stacks: [stack] = [] } = await stacks.send(new DescribeStacksCommand({ StackName: stackName }))
  return Object.fromEntries(
    (stack?.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]),
  )
}

const objectsRule = async () => {
  const client = new EventBridgeClient(moto.clientSettings)
  const Name = `${stackName}-objects`
  const { EventPattern = '{}' } = await client.send(new DescribeRuleCommand({ Name }))
  const { Targets: [target] = [] } = await client.send(new ListTargetsByRuleCommand({ Rule: Name }))
  client.destroy()
  return { pattern: JSON.parse(EventPattern) as unknown, target }
}

describe('the template as a stack on moto', () => {
  it('makes all that moto knows, and nothing else', async () => {
    await stacks.send(
      new CreateStackCommand({
        StackName: stackName,
        TemplateBody: await body(),
        Parameters: given({}),
        Capabilities: ['CAPABILITY_IAM'],
      }),
    )
    expect([...(await made()).keys()].toSorted()).toEqual(wanted(resolved({})))
  })

  it('tells what the installation is made of', async () => {
    const told = await outputs()
    const expected = resolved({}).outputs
    // Their value is of a resource that moto passed over.
    const { ApiUrl: _, ApiFunction, RulePrefix, NodeQueuePrefix, SecretPrefix } = expected
    expect(told).toMatchObject({ ApiFunction, RulePrefix, NodeQueuePrefix, SecretPrefix })
    expect(Object.keys(told).toSorted()).toEqual(Object.keys(expected).toSorted())
  })

  it('makes rules that wake their functions by their patterns', async () => {
    const { pattern, target } = await objectsRule()
    const bucket = (await made()).get('Bucket') ?? ''
    expect(pattern).toEqual(patternsOf(stackName).objects([bucket]))
    expect(target?.Arn).toMatch(new RegExp(`:function:${stackName}-index-backup$`))
    expect(target?.RetryPolicy).toEqual({ MaximumEventAgeInSeconds: 3600, MaximumRetryAttempts: 20 })
  })

  it('makes the table and the queues as they are described', async () => {
    const there = await made()
    const table = new DynamoDBClient(moto.clientSettings)
    const queues = new SQSClient(moto.clientSettings)
    const { Table } = await table.send(new DescribeTableCommand({ TableName: there.get('Table') }))
    expect(Table?.GlobalSecondaryIndexes?.map(({ IndexName }) => IndexName)).toEqual(['first', 'second'])
    const { Attributes } = await queues.send(
      new GetQueueAttributesCommand({ QueueUrl: there.get('WorkerQueue'), AttributeNames: ['All'] }),
    )
    expect(Attributes).toMatchObject({ FifoQueue: 'true', VisibilityTimeout: '960' })
    expect(JSON.parse(Attributes?.['RedrivePolicy'] ?? '{}')).toMatchObject({ maxReceiveCount: 5 })
    table.destroy()
    queues.destroy()
  })

  // Of a parameter that moto applies: a log's retention and a condition that flips it does not.
  it('keeps what it made when it is updated, and changes what a parameter is of', async () => {
    const before = await made()
    await stacks.send(
      new UpdateStackCommand({
        StackName: stackName,
        TemplateBody: await body(),
        Parameters: given({ AdditionalBuckets: 'second,third' }),
        Capabilities: ['CAPABILITY_IAM'],
      }),
    )
    const after = await made()
    expect(after).toEqual(before)
    const { pattern } = await objectsRule()
    const buckets = [after.get('Bucket') ?? '', 'second', 'third']
    expect(pattern).toEqual(patternsOf(stackName).objects(buckets))
  })

  it('goes when it is deleted, but for its data', async () => {
    const there = await made()
    expect(await standing(moto, there)).toEqual(listed(resolved({})))
    await stacks.send(new DeleteStackCommand({ StackName: stackName }))
    await expect(stacks.send(new DescribeStacksCommand({ StackName: stackName }))).rejects.toThrow(
      'does not exist',
    )
    expect(await standing(moto, there)).toEqual(['Bucket', 'Table'])
  })
})

describe('the template as a stack with everything on moto', () => {
  const StackName = 'with-everything'
  let there: Map<string, string>

  it('makes key, topic, dashboard and all that moto knows', async () => {
    await stacks.send(
      new CreateStackCommand({
        StackName,
        TemplateBody: await body(),
        Parameters: given(everything),
        Capabilities: ['CAPABILITY_IAM'],
      }),
    )
    there = await made(StackName)
    const optional = ['AlarmTopic', 'Dashboard', 'FormerKeyUse', 'Key', 'KeyUse', 'ReachesTargets']
    expect([...there.keys()].toSorted()).toEqual(wanted(resolved(everything)))
    expect([...there.keys()]).toEqual(expect.arrayContaining(optional))
    expect(await standing(moto, there)).toEqual(listed(resolved(everything)))
  })

  it('leaves table, bucket and key when it is deleted, and nothing else', async () => {
    await stacks.send(new DeleteStackCommand({ StackName }))
    expect(await standing(moto, there)).toEqual(['Bucket', 'Key', 'Table'])
  })
})

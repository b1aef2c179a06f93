/**
 * The SDK's own client against answers of CloudFormation's shape, of which moto gives none.
 * Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { CloudFormationClient } from '@aws-sdk/client-cloudformation'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cloudformationStack } from './cloudformation-stack.ts'
import type { Stack } from './installation.ts'

const id = 'arn:aws:cloudformation:us-east-1:123456789012:stack/drover/1'

/** By the action, and the name or id that it asks about. */
let answers: Record<string, string | { status: number; code: string; message: string }>
let server: Server
let stack: Stack

const xmlOf = (action: string, inner: string): string =>
  `<${action}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><${action}Result>${inner}</${action}Result></${action}Response>`
const missing = (name: string) => ({
  status: 400,
  code: 'ValidationError',
  message: `Stack with id ${name} does not exist`,
})
const stackXml = (status: string, description = "Drover's control plane.") =>
  `<Stacks><member><StackId>${id}</StackId><StackName>drover</StackName><StackStatus>${status}</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime><Description>${description}</Description></member></Stacks>`
const resourceXml = (logical: string, type: string, name: string, status: string, reason = '') =>
  `<member><LogicalResourceId>${logical}</LogicalResourceId><PhysicalResourceId>${name}</PhysicalResourceId><ResourceType>${type}</ResourceType><LastUpdatedTimestamp>2026-01-01T00:00:00Z</LastUpdatedTimestamp><ResourceStatus>${status}</ResourceStatus><ResourceStatusReason>${reason}</ResourceStatusReason></member>`
const resources = (...members: string[]) =>
  `<StackResourceSummaries>${members.join('')}</StackResourceSummaries>`

beforeAll(async () => {
  server = createServer((request, response) => {
    void text(request).then((body) => {
      const query = new URLSearchParams(body)
      const [action, name] = [query.get('Action') ?? '', query.get('StackName') ?? '']
      const answer = answers[`${action} ${name}`.trim()] ?? missing(name)
      if (typeof answer === 'string') return response.end(xmlOf(action, answer))
      const { status, code, message } = answer
      return response
        .writeHead(status)
        .end(
          `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
        )
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const client = new CloudFormationClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'key', secretAccessKey: 'drovercanary' },
    maxAttempts: 1,
  })
  stack = cloudformationStack({ client, signal: new AbortController().signal }, 'drover')
})
afterAll(() => server.close())
beforeEach(() => {
  answers = {}
})

describe('a stack', () => {
  it('that is gone tells what CloudFormation kept of it, of the last that had the name', async () => {
    const summary = (of: string, name: string, at: string) =>
      `<member><StackId>${of}</StackId><StackName>${name}</StackName><StackStatus>DELETE_COMPLETE</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime><DeletionTime>${at}</DeletionTime></member>`
    answers = {
      ListStacks: `<StackSummaries>${[
        summary('older', 'drover', '2026-01-01T00:00:00Z'),
        summary(id, 'drover', '2026-02-01T00:00:00Z'),
        summary('another', 'drover-2', '2026-03-01T00:00:00Z'),
      ].join('')}</StackSummaries>`,
      [`ListStackResources ${id}`]: resources(
        resourceXml('Table', 'AWS::DynamoDB::Table', 'drover-Table-X', 'DELETE_SKIPPED'),
        resourceXml('Queue', 'AWS::SQS::Queue', 'drover-worker.fifo', 'DELETE_COMPLETE'),
      ),
    }
    expect(await stack.look()).toEqual({
      kind: 'deleted',
      id,
      deletedAt: '2026-02-01T00:00:00.000Z',
      kept: [{ type: 'AWS::DynamoDB::Table', name: 'drover-Table-X' }],
    })
  })

  it('that never was is unknown', async () => {
    answers = { ListStacks: '<StackSummaries></StackSummaries>' }
    expect(await stack.look()).toEqual({ kind: 'unknown' })
  })

  it.each([
    ['YAML', 'Resources:\n  Table:\n    DeletionPolicy: Retain\n', []],
    [
      'JSON',
      JSON.stringify({
        Resources: { Table: { DeletionPolicy: 'Retain' }, Queue: {}, Key: { DeletionPolicy: 'Delete' } },
      }),
      [{ type: 'AWS::DynamoDB::Table', name: 'drover-Table-X' }],
    ],
  ])(
    'with a template in %s tells what it will keep, as far as that can be read',
    async (_how, body, kept) => {
      answers = {
        'DescribeStacks drover': stackXml('UPDATE_COMPLETE'),
        [`GetTemplate ${id}`]: `<TemplateBody>${body.replaceAll('"', '&quot;')}</TemplateBody>`,
        [`ListStackResources ${id}`]: resources(
          resourceXml('Table', 'AWS::DynamoDB::Table', 'drover-Table-X', 'CREATE_COMPLETE'),
          resourceXml('Queue', 'AWS::SQS::Queue', 'drover-worker.fifo', 'CREATE_COMPLETE'),
          resourceXml('Key', 'AWS::KMS::Key', 'key', 'CREATE_COMPLETE'),
        ),
      }
      expect(await stack.look()).toEqual({
        kind: 'there',
        id,
        status: 'UPDATE_COMPLETE',
        isDrover: true,
        kept,
      })
    },
  )

  it("of anybody else's is told from ours", async () => {
    answers = {
      'DescribeStacks drover': stackXml('CREATE_COMPLETE', 'A herd of cattle'),
      [`GetTemplate ${id}`]: '<TemplateBody>{}</TemplateBody>',
      [`ListStackResources ${id}`]: resources(),
    }
    expect(await stack.look()).toMatchObject({ isDrover: false })
  })
})

describe('its deletion', () => {
  it('tells how far it is, and what it stopped at', async () => {
    answers = {
      [`DescribeStacks ${id}`]: stackXml('DELETE_FAILED'),
      [`ListStackResources ${id}`]: resources(
        resourceXml('Table', 'AWS::DynamoDB::Table', 'drover-Table-X', 'DELETE_SKIPPED'),
        resourceXml('Queue', 'AWS::SQS::Queue', 'drover-worker.fifo', 'DELETE_COMPLETE'),
        resourceXml('ApiRole', 'AWS::IAM::Role', 'drover-api', 'DELETE_FAILED', 'a policy is attached'),
      ),
    }
    expect(await stack.deletion(id)).toEqual({
      status: 'DELETE_FAILED',
      failures: ['ApiRole: a policy is attached'],
      deletedResources: 2,
      allResources: 3,
    })
  })

  it('is refused while the stack is protected, with what to do', async () => {
    answers = {
      [`DeleteStack ${id}`]: {
        status: 400,
        code: 'ValidationError',
        message: 'Stack [drover] cannot be deleted while TerminationProtection is enabled',
      },
    }
    await expect(stack.startDeletion(id)).rejects.toMatchObject({
      code: 'protected',
      hint: expect.stringContaining('--no-enable-termination-protection'),
    })
  })
})

describe('what CloudFormation refuses', () => {
  it.each([
    ['AccessDenied', 403, 'not-allowed', 'may not do cloudformation:DescribeStacks'],
    ['ExpiredToken', 403, 'credentials-expired', 'have expired'],
    ['InvalidClientTokenId', 403, 'credentials-refused', 'does not take the credentials'],
    ['SignatureDoesNotMatch', 403, 'credentials-refused', 'does not take the credentials'],
    ['Throttling', 400, 'busy', 'throttles cloudformation:DescribeStacks'],
    ['InternalFailure', 500, 'failed', 'refuses cloudformation:DescribeStacks: the reason'],
  ])('as %s is told plainly', async (code, status, ours, says) => {
    answers = { 'DescribeStacks drover': { status, code, message: 'the reason' } }
    const error = await stack.look().catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code: ours, message: expect.stringContaining(says) })
    expect(JSON.stringify([error, Object(error).cause])).not.toContain('drovercanary')
  })
})

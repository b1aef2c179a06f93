import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { STSClient } from '@aws-sdk/client-sts'
import { afterEach, describe, expect, it } from 'vitest'
import { silentLog, type LogFields } from '#lib/base/log.ts'
import { queueSession } from './sts-queue-session.ts'

const roleArn = 'arn:aws:iam::123456789012:role/drover-node'
const queueArn = 'arn:aws:sqs:eu-west-1:123456789012:drover-node-node-1-01234567.fifo'
const xmlns = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
const given = `<AssumeRoleResponse ${xmlns}><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId>
<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2026-01-01T01:00:00Z</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>`
const refusal = (code: string, message: string) =>
  `<ErrorResponse ${xmlns}><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

/** An STS that always answers so. */
const askSts = async (status: number, body: string) => {
  const asked: URLSearchParams[] = []
  const warned: (LogFields | undefined)[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      asked.push(new URLSearchParams(text))
      response.writeHead(status, { 'content-type': 'text/xml' }).end(body)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = new STSClient({
    region: 'eu-west-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'ASIAFUNCTION', secretAccessKey: 'hush', sessionToken: 'hush' },
    maxAttempts: 1,
  })
  ends.push(() => {
    client.destroy()
    server.closeAllConnections()
    server.close()
  })
  const log = { ...silentLog, warn: (_: string, fields?: LogFields) => warned.push(fields) }
  const answer = queueSession({ client, log }, { roleArn })({ node: 'node-1', queueArn })
  return { answer, asked, warned }
}

describe('credentials for the queue of a node', () => {
  it('are for that queue alone, for an hour, and named for the node', async () => {
    const { answer, asked, warned } = await askSts(200, given)
    expect(await answer).toMatchObject({ accessKeyId: 'ASIA1', expiration: new Date('2026-01-01T01:00:00Z') })
    const fields = Object.fromEntries(asked[0] ?? [])
    expect(fields).toMatchObject({
      RoleArn: roleArn,
      RoleSessionName: 'queue-node-1',
      DurationSeconds: '3600',
    })
    expect(JSON.parse(fields['Policy'] ?? '').Statement).toEqual([
      {
        Effect: 'Allow',
        Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility'],
        Resource: queueArn,
      },
    ])
    expect(warned).toEqual([])
  })

  const by = 'arn:aws:sts::123456789012:assumed-role/drover-api/api'
  const denied = `User: ${by} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`
  it.each([
    ['AccessDenied', 403, denied, 'role-refused', '"AWS":"arn:aws:iam::123456789012:role/drover-api"'],
    ['RegionDisabledException', 403, 'no STS', 'role-refused', 'activate STS'],
    [
      'InvalidClientTokenId',
      403,
      'no such key',
      'role-refused',
      'credentials that the control plane itself has',
    ],
    ['ValidationError', 400, 'no role', 'role-refused', 'credentials that the control plane itself has'],
    ['SignatureDoesNotMatch', 403, 'Signature expired: …', 'sts-unavailable', 'NTP'],
    ['Throttling', 400, 'Rate exceeded', 'sts-unavailable', '600 a second'],
    ['InternalFailure', 500, 'trouble', 'sts-unavailable', 'network'],
  ])('that cannot be had say why, to the node and in the log: %s', async (name, status, text, code, hint) => {
    const { answer, warned } = await askSts(status, refusal(name, text))
    const failure: unknown = await answer.catch((error: unknown) => error)
    expect(failure).toMatchObject({ code, hint: expect.stringContaining(hint) })
    expect(Object(failure).message).toMatch(/^no credentials for the queue of node node-1: /)
    expect(Object(failure).message).toContain(text)
    expect(Object(failure).hint).not.toMatch(/secret|target/)
    expect(warned).toMatchObject([{ node: 'node-1', hint: expect.stringContaining(hint) }])
    expect(inspect([failure, warned], { depth: 9, showHidden: true })).not.toContain('hush')
  })

  it('that STS leaves out are told of', async () => {
    const { answer } = await askSts(200, given.replace(/<SessionToken>.*<\/SessionToken>/, ''))
    await expect(answer).rejects.toMatchObject({
      code: 'sts-unavailable',
      message: 'no credentials for the queue of node node-1: the STS of eu-west-1 answered without any',
    })
  })
})

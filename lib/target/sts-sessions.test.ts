import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { STSClient, type STSClientConfig } from '@aws-sdk/client-sts'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { s3RoleCredentials } from './s3-credentials.ts'
import type { Reach } from './session-policy.ts'
import { sessionNameOf, stsSessions, type SessionRequest } from './sts-sessions.ts'
import { TargetError } from './target-error.ts'
import { readTargetSettings, type SettingsRecord } from './target-settings.ts'

const keys = {
  AWS_ACCESS_KEY_ID: 'AKIDOFTEST',
  AWS_SECRET_ACCESS_KEY: 'hush-secret',
  AWS_SESSION_TOKEN: 'hush-token',
}
const roleArn = 'arn:aws:iam::123456789012:role/backups'
const reach: Reach = {
  folder: 'volumes/web/',
  puts: [],
  deletes: [],
  names: { 'name of the backup volume': 'web' },
}
const target = { kind: 's3', bucket: 'backups', region: 'eu-central-1', path: 'a/' } as const

const credentials = `<Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
<SessionToken>t</SessionToken><Expiration>2026-01-01T01:00:00Z</Expiration></Credentials>`
const answer = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>${credentials}</AssumeRoleResult></AssumeRoleResponse>`
const problem = (code: string, message: string) =>
  `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`

describe('sessions of an STS', () => {
  let server: Server
  let endpoint: string
  let asked: { path: string; fields: URLSearchParams; authorization: string }[]
  let next: { status: number; body: string }[]

  beforeEach(async () => {
    asked = []
    next = []
    server = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        const { url: path = '', headers } = request
        asked.push({ path, fields: new URLSearchParams(body), authorization: headers.authorization ?? '' })
        const said = next.shift() ?? { status: 200, body: answer }
        response.writeHead(said.status, { 'content-type': 'text/xml' }).end(said.body)
      })
    })
    await new Promise<void>((listening) => {
      server.listen(0, '127.0.0.1', listening)
    })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a server that listens on a port
    endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    server.closeAllConnections()
    await new Promise((closed) => {
      server.close(closed)
    })
  })

  const requestOf = (record: SettingsRecord = {}, more: Partial<SessionRequest> = {}): SessionRequest => ({
    target,
    settings: readTargetSettings({
      ...keys,
      AWS_IAM_ROLE_ARN: roleArn,
      AWS_ENDPOINTS: `${endpoint}/base`,
      ...record,
    }),
    roleArn,
    reach,
    name: 'restore-backup.op-1',
    ...more,
  })
  const failureOf = async (request: SessionRequest): Promise<TargetError> => {
    const error: unknown = await stsSessions()(request).catch((thrown: unknown) => thrown)
    if (!(error instanceof TargetError)) throw new Error(`no TargetError: ${String(error)}`)
    return error
  }

  it('are of the role, narrowed, for an hour, and named for the operation', async () => {
    const externalId = { AWS_IAM_ROLE_ARN: roleArn, AWS_EXTERNAL_ID: 'ours' }
    expect(await stsSessions()(requestOf(externalId))).toEqual({
      accessKeyId: 'ASIA1',
      secretAccessKey: 's',
      sessionToken: 't',
      expiration: new Date('2026-01-01T01:00:00Z'),
    })
    const [{ path, fields, authorization } = { path: '', fields: new URLSearchParams(), authorization: '' }] =
      asked
    expect(path).toBe('/base/')
    expect(authorization).toContain('Credential=AKIDOFTEST/')
    expect(authorization).toContain('/eu-central-1/sts/')
    expect(Object.fromEntries(fields)).toMatchObject({
      Action: 'AssumeRole',
      RoleArn: roleArn,
      RoleSessionName: 'restore-backup.op-1',
      DurationSeconds: '3600',
      ExternalId: 'ours',
    })
    expect(fields.get('Policy')).not.toContain('kms')
    expect(JSON.parse(fields.get('Policy') ?? '').Statement[0].Resource).toBe(
      'arn:aws:s3:::backups/a/volumes/web/*',
    )
  })

  it('of a role are what a command without a control plane has, as wide as the role', async () => {
    const externalId = { AWS_IAM_ROLE_ARN: roleArn, AWS_EXTERNAL_ID: 'ours' }
    const provider = s3RoleCredentials(requestOf(externalId).settings, 'eu-central-1')
    if (typeof provider !== 'function') throw new Error('keys instead of a role')
    expect(await provider()).toMatchObject({ accessKeyId: 'ASIA1' })
    const { fields } = asked[0] ?? {}
    expect([fields?.get('RoleArn'), fields?.get('ExternalId'), fields?.has('Policy')]).toEqual([
      roleArn,
      'ours',
      false,
    ])
  })

  it('of a store are of its keys, under a name of no role', async () => {
    await stsSessions()(requestOf({}, { roleArn: undefined }))
    expect(asked[0]?.fields.get('RoleArn')).toMatch(/^arn:aws:iam::\d{12}:role\/drover$/)
    expect(asked[0]?.fields.has('ExternalId')).toBe(false)
  })

  it.each([
    ['no endpoint', '', 'eu-central-1', 'aws'],
    ['an endpoint in a VPC', 'https://b.vpce-1-2.s3.eu-central-1.vpce.amazonaws.com', 'eu-central-1', 'aws'],
    ['an endpoint in China', 'https://s3.cn-north-1.amazonaws.com.cn', 'cn-north-1', 'aws-cn'],
  ])(
    'are asked of AWS, of its STS of the region, with %s for S3',
    async (_, AWS_ENDPOINTS, region, partition) => {
      const configs: STSClientConfig[] = []
      const client = (config: STSClientConfig) => {
        configs.push(config)
        return new STSClient(config)
      }
      vi.stubEnv('AWS_ENDPOINT_URL_STS', endpoint)
      await stsSessions({ client })(requestOf({ AWS_ENDPOINTS }, { target: { ...target, region } }))
      expect(asked).toHaveLength(1)
      expect(configs[0]).toMatchObject({ region })
      expect(configs[0]).not.toHaveProperty('endpoint')
      const policy = asked[0]?.fields.get('Policy')
      expect(policy).toContain(`"arn:${partition}:s3:::backups/a/`)
      expect(policy).toContain('kms:Decrypt')
      const { settings } = requestOf({ AWS_ENDPOINTS, AWS_IAM_ROLE_ARN: roleArn })
      const provider = s3RoleCredentials(settings, region)
      expect(typeof provider === 'function' && (await provider())).toMatchObject({ accessKeyId: 'ASIA1' })
      expect(asked).toHaveLength(2)
    },
  )

  const by = 'arn:aws:sts::210987654321:assumed-role/api-role/api'
  const denied = problem(
    'AccessDenied',
    `User: ${by} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
  )

  it('that a role refuses tell what to add to its trust policy', async () => {
    next.push({ status: 403, body: denied })
    const { code, message, hint } = await failureOf(requestOf())
    expect(code).toBe('role-refused')
    expect(message).toContain(
      `role ${roleArn} may not be assumed by arn:aws:iam::210987654321:role/api-role: `,
    )
    expect(hint).toContain(
      '{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::210987654321:role/api-role"},"Action":"sts:AssumeRole"}',
    )
    expect(hint).toContain('AWS_EXTERNAL_ID')
    next.push({ status: 403, body: denied })
    const ofInstallation = await failureOf(requestOf({ AWS_IAM_ROLE_ARN: undefined }))
    expect(ofInstallation.hint).toContain('"Principal":{"AWS":"arn:aws:iam::210987654321:role/api-role"}')
    expect(ofInstallation.hint).not.toContain('secret')
    next.push({ status: 403, body: denied })
    const withId = await failureOf(requestOf({ AWS_IAM_ROLE_ARN: roleArn, AWS_EXTERNAL_ID: 'hush-id' }))
    expect(withId.hint).toContain('"sts:ExternalId":"<AWS_EXTERNAL_ID>"')
  })

  it.each([
    ['ExpiredToken', 403, 'role-refused', 'get new ones'],
    ['InvalidClientTokenId', 403, 'role-refused', 'AWS_ACCESS_KEY_ID'],
    ['SignatureDoesNotMatch', 403, 'role-refused', 'AWS_SECRET_ACCESS_KEY'],
    ['RegionDisabledException', 403, 'role-refused', 'activate STS'],
    ['MalformedPolicyDocument', 400, 'role-refused', 'AWS_IAM_ROLE_ARN'],
    ['PackedPolicyTooLarge', 400, 'policy-too-large', 'shorter'],
    ['Throttling', 400, 'sts-unavailable', '600 a second'],
    ['InternalFailure', 500, 'sts-unavailable', 'tried again'],
  ])('that cannot be had say what to do: %s', async (name, status, code, hint) => {
    for (let tries = 0; tries < 4; tries++) next.push({ status, body: problem(name, 'as ordered') })
    const failure = await failureOf(requestOf())
    expect(failure).toMatchObject({ code, hint: expect.stringContaining(hint) })
  })

  it('are asked for by the shorter policy when STS cannot pack the plain one', async () => {
    const keysOf = (letter: string) => Array.from({ length: 6 }, (_, at) => `${letter.repeat(40)}${at}`)
    const long = { ...reach, folder: `volumes/${'v'.repeat(100)}/`, puts: keysOf('p'), deletes: [] }
    next.push({ status: 400, body: problem('PackedPolicyTooLarge', 'Consumed: 117%') })
    expect(await stsSessions()(requestOf({}, { reach: long }))).toMatchObject({ accessKeyId: 'ASIA1' })
    const [plain = '', shorter = '', ...more] = asked.map(({ fields }) => fields.get('Policy') ?? '')
    expect(shorter.length).toBeLessThan(plain.length)
    expect([plain.includes('Deny'), shorter.includes('Deny'), more.length]).toEqual([false, true, 0])
    next.push(...[1, 2].map(() => ({ status: 400, body: problem('PackedPolicyTooLarge', 'Consumed: 101%') })))
    expect(await failureOf(requestOf({}, { reach: long }))).toMatchObject({ code: 'policy-too-large' })
  })

  it('that a clock prevents say so', async () => {
    const late = problem(
      'SignatureDoesNotMatch',
      'Signature expired: 20260101T000000Z is now earlier than ...',
    )
    for (let tries = 0; tries < 4; tries++) next.push({ status: 403, body: late })
    expect(await failureOf(requestOf())).toMatchObject({
      code: 'sts-unavailable',
      hint: expect.stringContaining('NTP'),
    })
  })

  it('that are throttled for a moment are had all the same', async () => {
    next.push({ status: 400, body: problem('Throttling', 'Rate exceeded') })
    expect(await stsSessions()(requestOf())).toMatchObject({ accessKeyId: 'ASIA1' })
  })

  it('of a server that is no STS, or none at all, are told of', async () => {
    next.push({ status: 200, body: '<html>hello</html>' })
    expect(await failureOf(requestOf({}, { roleArn: undefined }))).toMatchObject({ code: 'role-refused' })
    next.push({ status: 405, body: '<Error><Code>MethodNotAllowed</Code><Message>no</Message></Error>' })
    expect(await failureOf(requestOf({}, { roleArn: undefined }))).toMatchObject({
      code: 'role-refused',
      message: expect.stringContaining('HTTP status 405'),
    })
    expect(await failureOf(requestOf({ AWS_ENDPOINTS: 'http://127.0.0.1:9' }))).toMatchObject({
      code: 'sts-unavailable',
    })
  })

  it('that fail tell nothing of the keys', async () => {
    next.push({ status: 403, body: denied })
    const failure = await failureOf(requestOf({ AWS_IAM_ROLE_ARN: roleArn, AWS_EXTERNAL_ID: 'hush-id' }))
    expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain('hush')
  })

  it('have names that CloudTrail takes, and that stay different', () => {
    const names = ['', 'x', 'a b/c:d', 'é'.repeat(90), `${'x'.repeat(90)}1`, `${'x'.repeat(90)}2`]
    const allowed = names.map(sessionNameOf)
    for (const name of allowed) expect(name).toMatch(/^[\w+=,.@-]{2,64}$/)
    expect(new Set(allowed.slice(2)).size).toBe(4)
  })
})

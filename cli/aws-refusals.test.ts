import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { droverOnService, type DroverOnService } from '#test/drover-on-service.ts'

let service: DroverOnService
/** Of AWS, which refuses everything. */
let server: Server
let refusal = 'AccessDenied'
let asked: number
beforeAll(async () => {
  service = await droverOnService()
  server = createServer((_request, response) => {
    asked++
    response
      .writeHead(403)
      .end(
        `<ErrorResponse><Error><Type>Sender</Type><Code>${refusal}</Code><Message>the reason</Message></Error></ErrorResponse>`,
      )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
})
beforeEach(() => {
  asked = 0
  vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'key')
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'drovercanary')
  vi.stubEnv('AWS_REGION', 'us-east-1')
  // Nothing of whoever runs the tests.
  for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_DEFAULT_REGION', 'HTTP_PROXY', 'http_proxy'])
    vi.stubEnv(name, undefined)
  for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/nonexistent')
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
})
afterEach(() => vi.unstubAllEnvs())
afterAll(async () => {
  server.close()
  await service.stop()
})

const noKeys = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined }
const noRegion = { AWS_REGION: undefined }
const nobodyThere = { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }

/** Arguments, what is set otherwise, what AWS says if it is asked, exit code, and what stderr must say. */
const refusals: [
  command: string,
  env: Record<string, string | undefined>,
  refusal: string | undefined,
  code: number,
  ...says: string[],
][] = [
  ['leftovers', {}, undefined, 2, "required option '--stack <name>' not specified"],
  ['leftovers --stack a_b', {}, undefined, 2, '"a_b" is no name of a stack', 'list-stacks'],
  ['leftovers --stack drover', noRegion, undefined, 2, 'no region was given', 'give --region'],
  ['leftovers --stack drover', noKeys, undefined, 6, 'no AWS credentials were found', 'set AWS_PROFILE'],
  [
    'leftovers --stack drover',
    { ...noKeys, AWS_PROFILE: 'nope' },
    undefined,
    6,
    'AWS profile nope gives no credentials',
    'aws configure list-profiles',
  ],
  ['leftovers --stack drover', nobodyThere, undefined, 6, 'does not answer', 'ECONNREFUSED', 'HTTPS_PROXY'],
  [
    'leftovers --stack drover',
    {},
    'AccessDenied',
    6,
    'may not do cloudformation:DescribeStacks: the reason',
    'allow cloudformation:DescribeStacks',
  ],
  ['leftovers --stack drover', {}, 'ExpiredToken', 6, 'have expired', 'aws sso login'],
  ['leftovers --stack drover', {}, 'InvalidClientTokenId', 6, 'does not take', 'get-caller-identity'],
  ['uninstall --yes', {}, undefined, 2, "required option '--stack <name>' not specified"],
  ['uninstall --stack drover', {}, undefined, 2, 'uninstalling drover throws data away', 'add --yes'],
  ['uninstall --stack drover --yes', {}, 'AccessDenied', 6, 'may not do cloudformation:DescribeStacks'],
]

describe('drover aws refuses', () => {
  it.each(refusals)('%s, with %j: %s', async (command, env, says, code, ...texts) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
    refusal = says ?? 'AccessDenied'
    const ended = await service.drover(['aws', ...command.split(' ')])
    expect(ended).toMatchObject({ code, stdout: '' })
    expect(ended.stderr).toMatch(/^drover: .*\n(?: {2}.*\n)*$/)
    for (const text of texts) expect(ended.stderr).toContain(text)
    expect(ended.stderr).not.toContain('drovercanary')
    expect(asked > 0).toBe(says !== undefined)
  })
})

import type { LambdaContext, LambdaEvent } from 'hono/aws-lambda'
import { describe, expect, it } from 'vitest'
import { apiWorld } from '#test/api-world.ts'
import { apiHandler } from './api.ts'

/** As API Gateway hands it over. Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
const eventOf = (method: string, path: string, token?: string, body?: unknown): LambdaEvent => ({
  version: '2.0',
  routeKey: '$default',
  rawPath: path,
  rawQueryString: '',
  headers: {
    'content-type': 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  },
  requestContext: {
    accountId: '123456789012',
    apiId: 'api',
    authentication: null,
    authorizer: {},
    domainName: 'api.example.com',
    domainPrefix: 'api',
    http: { method, path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'test' },
    requestId: 'id',
    routeKey: '$default',
    stage: '$default',
    time: '01/Jan/2026:00:00:00 +0000',
    timeEpoch: 1_767_225_600_000,
  },
  body: body === undefined ? null : Buffer.from(JSON.stringify(body)).toString('base64'),
  isBase64Encoded: body !== undefined,
})

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing of it is looked at
const context = {} as LambdaContext

describe('the API as a function', () => {
  it('answers events of API Gateway as it answers requests', async () => {
    const world = await apiWorld()
    const handler = apiHandler(world.deps)
    const ask = async (...event: Parameters<typeof eventOf>) => {
      const { statusCode, body } = await handler(eventOf(...event), context)
      return { status: statusCode, body: JSON.parse(body) }
    }
    expect(await ask('GET', '/v1/clusters')).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
    expect(await ask('POST', '/v1/clusters', world.tokens.admin, { name: 'edge' })).toMatchObject({
      status: 201,
    })
    expect(await ask('GET', '/v1/clusters/edge', world.tokens.viewer)).toMatchObject({
      status: 200,
      body: { name: 'edge' },
    })
    expect(await ask('POST', '/v1/clusters', world.tokens.viewer, { name: 'x1' })).toMatchObject({
      status: 403,
    })
  })
})

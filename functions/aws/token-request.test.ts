import { describe, expect, it } from 'vitest'
import { requests } from '#lib/api/requests.ts'
import { gathered } from '#lib/base/gathered.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { apiWorld } from '#test/api-world.ts'
import { isTokenRequest, tokenRequestHandler } from './token-request.ts'

const ada = { createToken: { name: 'ada', role: 'admin' } }

/** An event of API Gateway with `body`, as a client that wants a token without having one would send it. */
const httpEvent = (body: unknown): unknown => ({
  version: '2.0',
  routeKey: '$default',
  rawPath: '/v1/clusters',
  rawQueryString: 'createToken=ada',
  headers: { createToken: 'ada' },
  queryStringParameters: { createToken: 'ada' },
  requestContext: { http: { method: 'POST', path: '/' } },
  body: JSON.stringify(body),
  isBase64Encoded: false,
})

describe('a request for a token', () => {
  it('is answered with one that opens the API', async () => {
    const world = await apiWorld()
    const made = await tokenRequestHandler(world.deps)(ada)
    expect(made).toMatchObject({ name: 'ada', role: 'admin', expiresAt: null })
    const fetch: typeof globalThis.fetch = async (input, init) => world.app.request(new Request(input, init))
    const ask = requests({ url: 'http://api', token: made.token, fetch })
    expect(await ask('POST', '/v1/clusters', { body: { name: 'edge' } })).toMatchObject({ name: 'edge' })
  })

  it('may ask for one that ends by itself', async () => {
    const world = await apiWorld()
    const handler = tokenRequestHandler(world.deps)
    const made = await handler({ createToken: { name: 'ci', role: 'viewer', expiresInSeconds: 3600 } })
    const expiresAt = new Date(world.deps.clock.now().getTime() + 3_600_000).toISOString()
    expect(made).toMatchObject({ role: 'viewer', expiresAt })
  })

  it('leaves the token in no log and not in the catalog', async () => {
    const world = await apiWorld()
    const { token, id } = await tokenRequestHandler(world.deps)(ada)
    expect(world.logged).toContainEqual({
      level: 'info',
      event: 'token made by direct invocation',
      fields: { token: id, name: 'ada', role: 'admin' },
    })
    expect(JSON.stringify(world.logged) + (await world.snapshotOfAll())).not.toContain(token)
  })

  it.each([
    ['no name', { role: 'admin' }],
    ['no role', { name: 'ada' }],
    ["a node's role", { name: 'ada', role: 'node' }],
    ['more than it takes', { name: 'ada', role: 'admin', node: 'node-1' }],
  ])('with %s is refused, and makes none', async (_what, createToken) => {
    const world = await apiWorld()
    const count = async () =>
      (await gathered(world.things.tokens.all({ partition: catalogKeys.token('x').partition }))).length
    const before = await count()
    const event = { createToken }
    expect(isTokenRequest(event)).toBe(true)
    await expect(tokenRequestHandler(world.deps)(event)).rejects.toMatchObject({ code: 'unreadable-event' })
    expect(await count()).toBe(before)
  })
})

describe('what comes through HTTP', () => {
  it.each([
    ['an event of API Gateway', httpEvent(ada)],
    ['one with the key in it', { ...Object(httpEvent(ada)), ...ada }],
    ['text', JSON.stringify(ada)],
    ['nothing', null],
    ['a list', [ada]],
  ])('%s is no request for a token', async (_what, event) => {
    const world = await apiWorld()
    expect(isTokenRequest(event)).toBe(false)
    await expect(tokenRequestHandler(world.deps)(event)).rejects.toMatchObject({ code: 'unreadable-event' })
  })
})

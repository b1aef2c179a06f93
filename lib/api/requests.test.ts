import { describe, expect, it } from 'vitest'
import { requests } from './requests.ts'

const answered = (status: number, body: string) =>
  requests({ url: 'https://api.example.com', fetch: async () => new Response(body, { status }) })
const failing = (code: string) =>
  requests({
    url: 'https://api.example.com',
    fetch: async () => {
      throw new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })
    },
  })

describe('a request', () => {
  it.each([
    [429, '{"message":"Too Many Requests"}', 'unavailable', 'try again'],
    [500, '{"message":"Internal Server Error"}', 'unavailable', 'try again'],
    [503, '{"message":"Service Unavailable"}', 'unavailable', 'try again'],
    [504, '<html></html>', 'unavailable', 'try again'],
    [404, '{"message":"Not Found"}', 'no-api', 'whether the address is that'],
    [403, '{"message":"Forbidden"}', 'no-api', 'whether the address is that'],
  ])('that API Gateway itself answers with %i %s is told so', async (status, body, code, hint) => {
    await expect(answered(status, body)('GET', '/v1/clusters')).rejects.toMatchObject({
      code,
      status,
      hint: expect.stringContaining(hint),
    })
  })

  it('that the API refuses has its own words', async () => {
    const problem = {
      type: 'about:blank',
      title: 'x',
      status: 503,
      detail: 'because',
      code: 'unavailable',
      hint: 'do',
    }
    await expect(answered(503, JSON.stringify(problem))('GET', '/')).rejects.toMatchObject({
      message: 'because',
      hint: 'do',
    })
  })

  it.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', 'NODE_EXTRA_CA_CERTS'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'NODE_EXTRA_CA_CERTS'],
    ['ECONNREFUSED', 'whether the service runs'],
    ['ENOTFOUND', 'whether the service runs'],
  ])('that ended with %s says what to do', async (code, hint) => {
    await expect(failing(code)('GET', '/')).rejects.toMatchObject({
      code: 'unreachable',
      message: `https://api.example.com does not answer: ${code}`,
      hint: expect.stringContaining(hint),
    })
  })
})

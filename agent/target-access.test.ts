import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { BeginAnswer } from '#lib/api/node-messages.ts'
import { RequestError } from '#lib/api/requests.ts'
import { systemClock } from '#lib/base/clock.ts'
import { silentLog } from '#lib/base/log.ts'
import { targetAccesses } from './target-access.ts'

const accesses = (begin: () => Promise<BeginAnswer>, env: Record<string, string> = {}) =>
  targetAccesses({ api: { begin, serverNow: () => new Date() }, clock: systemClock, log: silentLog, env })
const refusing = (status: number | undefined) =>
  accesses(() =>
    Promise.reject(
      new RequestError('role-refused', 'role x may not be assumed', {
        hint: 'trust it',
        ...(status !== undefined && { status }),
      }),
    ),
  )

describe('asking to begin', () => {
  it('ends an operation whose credentials are refused, with the reason and what to do', async () => {
    expect(await refusing(409).mayBegin({ operationId: 'op-1' })).toEqual({
      kind: 'refused',
      failure: { code: 'role-refused', message: 'role x may not be assumed', hint: 'trust it' },
    })
  })

  it.each([undefined, 401, 403, 429, 500, 503])('is done again after an answer of %s', async (status) => {
    await expect(refusing(status).mayBegin({ operationId: 'op-1' })).rejects.toBeInstanceOf(RequestError)
  })

  it('gives access once, to the operation that may begin', async () => {
    const access = { url: 'file:///tmp/', settings: {}, expiresAt: null }
    const { mayBegin, openTarget } = accesses(async () => ({ kind: 'go', access }))
    expect(await mayBegin({ operationId: 'op-1' })).toEqual({ kind: 'go' })
    await expect(openTarget('op-2')).rejects.toThrow('op-2 was not told')
    expect((await openTarget('op-1')).url).toBe('file:///tmp/')
    await expect(openTarget('op-1')).rejects.toThrow('op-1 was not told')
  })

  it('reaches a store through the proxy of the machine, unless its secret names one', async () => {
    const seen: string[] = []
    const proxy = createServer(({ url = '' }, answer) => {
      seen.push(url)
      answer.writeHead(404).end()
    })
    const { port } = await new Promise<AddressInfo>((resolve) => {
      proxy.listen(0, '127.0.0.1', () => resolve(proxy.address() as AddressInfo))
    })
    const [ours, theirs] = [`http://127.0.0.1:${port}/`, 'http://127.0.0.1:9/']
    const settings = {
      AWS_ENDPOINTS: 'http://store.example.com:9000',
      AWS_ACCESS_KEY_ID: 'key',
      AWS_SECRET_ACCESS_KEY: 'secret',
    }
    const headBy = async (env: Record<string, string>, more: Record<string, string>) => {
      const access = { url: 's3://backups@us-east-1/', settings: { ...settings, ...more }, expiresAt: null }
      const { mayBegin, openTarget } = accesses(async () => ({ kind: 'go', access }), env)
      await mayBegin({ operationId: 'op-1' })
      return (await openTarget('op-1')).store.head('key')
    }
    expect(await headBy({ http_proxy: ours }, {})).toBe(undefined)
    expect(await headBy({ HTTP_PROXY: theirs }, { HTTP_PROXY: ours })).toBe(undefined)
    expect(seen).toHaveLength(2)
    expect(seen.every((url) => url.includes('/backups/key'))).toBe(true)
    proxy.closeAllConnections()
    proxy.close()
  })
})

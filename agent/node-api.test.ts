import { describe, expect, it } from 'vitest'
import { RequestError } from '#lib/api/requests.ts'
import { isRefused, nodeApi } from './node-api.ts'
import { patient } from './patient.ts'

const now = new Date('2026-01-01T00:00:00Z')
const apiWith = (answer: () => Response) =>
  nodeApi(
    { now: () => now },
    {
      url: 'http://127.0.0.1:1',
      token: 'secret',
      fetch: async () => answer(),
      signal: new AbortController().signal,
    },
  )

describe('what a node asks', () => {
  it("tells the server's time by its answers, and ours as long as there was none", async () => {
    const headers = new Headers()
    const api = apiWith(() => new Response(null, { status: 204, headers }))
    await api.report([])
    expect(api.serverNow()).toEqual(now)
    headers.set('date', 'Thu, 01 Jan 2026 01:00:00 GMT')
    await api.report([])
    expect(api.serverNow()).toEqual(new Date('2026-01-01T01:00:00.500Z'))
  })

  it('takes no answer that is none', async () => {
    for (const body of ['{"kind":"perhaps"}', '{"kind":"go","access":{"url":7}}', 'hello', ''])
      await expect(apiWith(() => new Response(body)).begin('op-1')).rejects.toMatchObject({ code: 'no-api' })
  })

  it('gives messages with their leases', async () => {
    const message = { group: 'node-1', deduplicationId: 'a', body: '{}' }
    const api = apiWith(() => Response.json({ messages: [{ lease: 'x', ...message }] }))
    expect(await api.receive(0)).toEqual([{ lease: 'x', message }])
  })
})

describe('patient', () => {
  const refused = new RequestError('forbidden', 'no', { status: 403 })

  it('waits longer after each failure, longest when it is refused, and not after a success', async () => {
    const slept: number[] = []
    const sleep = async (ms: number) => {
      slept.push(ms)
    }
    const patiently = patient({ sleep }, new AbortController().signal)
    const fail = async (error: Error): Promise<unknown> => {
      const failing = async () => {
        throw error
      }
      return patiently(failing).catch((failure: unknown) => failure)
    }
    expect(await fail(new Error('no answer'))).toEqual(new Error('no answer'))
    for (let time = 2; time <= 8; time++) await fail(new Error('no answer'))
    expect(slept).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000])
    expect(isRefused(refused)).toBe(true)
    await fail(refused)
    expect(slept.at(-1)).toBe(30_000)
    expect(await patiently(async () => 'done')).toBe('done')
    await fail(new Error('no answer'))
    expect(slept.at(-1)).toBe(250)
  })
})

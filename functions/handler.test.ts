import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { silentLog } from '#lib/base/log.ts'
import { handlerOf } from './handler.ts'

describe('a handler', () => {
  const logged: unknown[] = []
  const log = { ...silentLog, error: (event: string, fields?: object) => logged.push([event, fields]) }
  const settings = { name: 'double', schema: z.object({ number: z.number() }) }
  const double = handlerOf(settings, log, async ({ number }) => {
    if (number < 0) throw new RangeError('too small')
    return number * 2
  })

  it('reads its event, and gives what the work gives', async () => {
    expect(await double({ number: 2, more: 'ignored' })).toBe(4)
    expect(await double({ number: 2 }, { awsRequestId: 'r-1' })).toBe(4)
    expect(await handlerOf(settings, log, async () => {})({ number: 2 })).toBe(undefined)
    expect(logged).toEqual([])
  })

  it.each([undefined, null, 'text', {}, { number: 'two' }])('refuses the event %j', async (event) => {
    await expect(double(event)).rejects.toMatchObject({
      code: 'unreadable-event',
      message: expect.stringContaining('event of double'),
    })
  })

  it('throws what the work throws, and logs it once', async () => {
    logged.length = 0
    await expect(double({ number: -1 })).rejects.toThrow(RangeError)
    expect(logged).toEqual([['function failed', { function: 'double', error: 'RangeError: too small' }]])
  })
})

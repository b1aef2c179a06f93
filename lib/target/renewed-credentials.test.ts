import { beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '#lib/base/log.ts'
import { idleClock, type IdleClock } from '#test/idle-clock.ts'
import { renewedCredentials, type EndingCredentials, type RenewedCredentials } from './renewed-credentials.ts'

const minuteMs = 60_000

describe('renewed credentials', () => {
  let clock: IdleClock
  let asked: number
  /** What comes of asking next; then new ones. */
  let failures: Error[]
  let credentials: RenewedCredentials

  const named = (accessKeyId: string): EndingCredentials => ({
    accessKeyId,
    secretAccessKey: 'hush',
    expiration: new Date(clock.now().getTime() + 60 * minuteMs),
  })
  const make = (given?: EndingCredentials) => {
    credentials = renewedCredentials(
      {
        ask: async () => {
          asked += 1
          const failure = failures.shift()
          if (failure) throw failure
          return named(`key-${asked}`)
        },
        mayComeRight: (error) => error instanceof Error && error.message === 'away',
        clock,
        log: silentLog,
      },
      given,
    )
  }
  const key = async (options?: { forceRefresh?: boolean }) => (await credentials(options)).accessKeyId
  const away = (times: number) => Array.from({ length: times }, () => new Error('away'))

  beforeEach(() => {
    clock = idleClock()
    asked = 0
    failures = []
    make(named('given'))
  })

  it('are first those that were given, then new ones each time that they are asked for', async () => {
    expect([await key(), await key()]).toEqual(['given', 'key-1'])
    clock.advance(50 * minuteMs)
    expect(await key()).toBe('key-2')
  })

  it('are asked for at once where none were given', async () => {
    make()
    expect(await key()).toBe('key-1')
  })

  it('are those there while no others are to be had, asked for every 15 s', async () => {
    await key()
    failures = away(100)
    for (let calls = 0; calls < 50; calls++) expect(await key()).toBe('given')
    expect(asked).toBe(1)
    clock.advance(15_000)
    expect(await key()).toBe('given')
    expect(asked).toBe(2)
    failures = []
    clock.advance(15_000)
    expect(await key()).toBe('key-3')
  })

  it('that have ended are waited for', async () => {
    await key()
    clock.advance(61 * minuteMs)
    failures = away(3)
    expect(await key()).toBe('key-4')
  })

  it('that have ended are not waited for for ever', async () => {
    await key()
    clock.advance(61 * minuteMs)
    failures = away(100)
    const fromMs = clock.now().getTime()
    await expect(key()).rejects.toThrow('away')
    expect(clock.now().getTime() - fromMs).toBe(2 * minuteMs)
  })

  it('that a server refused are not used, though they seem good', async () => {
    await key()
    failures = away(1)
    expect(await key({ forceRefresh: true })).toBe('key-2')
  })

  it('that are refused for good are refused, though the old ones are good', async () => {
    await key()
    failures = [new Error('never')]
    await expect(key()).rejects.toThrow('never')
    expect(asked).toBe(1)
  })

  it('at first are not insisted on', async () => {
    make()
    failures = away(1)
    await expect(key()).rejects.toThrow('away')
    expect(asked).toBe(1)
  })
})

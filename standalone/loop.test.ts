import { describe, expect, it } from 'vitest'
import { silentLog } from '#lib/base/log.ts'
import { virtualClock } from '#test/messages/virtual-clock.ts'
import { everyWhile } from './loop.ts'

describe('everyWhile', () => {
  it('does it at once, then each time that the pause has passed, whatever fails', async () => {
    const clock = virtualClock()
    const startMs = clock.now().getTime()
    const at: number[] = []
    const loop = everyWhile(
      { clock, log: silentLog },
      'counting',
      async () => 60_000,
      async () => {
        at.push(clock.now().getTime() - startMs)
        throw new Error('no')
      },
    )
    await clock.pass(150_000)
    const stopped = loop.stop()
    await clock.pass(2000)
    await stopped
    expect(at).toEqual([0, 60_000, 120_000])
  })

  it('goes on when the clock is put back, and when it cannot be told how long to wait', async () => {
    const clock = virtualClock()
    let backMs = 0
    let asked = 0
    let done = 0
    const loop = everyWhile(
      { clock: { ...clock, now: () => new Date(clock.now().getTime() - backMs) }, log: silentLog },
      'counting',
      async () => {
        if (asked++ === 0) throw new Error('no')
        return 60_000
      },
      async () => done++,
    )
    await clock.pass(5000)
    expect(done).toBe(1)
    backMs = 24 * 3600_000
    await clock.pass(5000)
    expect(done).toBe(2)
    const stopped = loop.stop()
    await clock.pass(2000)
    await stopped
  })

  it('does nothing while the pause is 0, and takes up a pause that is set', async () => {
    const clock = virtualClock()
    let pauseMs = 0
    let done = 0
    const loop = everyWhile(
      { clock, log: silentLog },
      'counting',
      async () => pauseMs,
      async () => done++,
    )
    await clock.pass(100_000)
    expect(done).toBe(0)
    pauseMs = 10_000
    await clock.pass(5000)
    expect(done).toBe(1)
    const stopped = loop.stop()
    await clock.pass(2000)
    await stopped
  })
})

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

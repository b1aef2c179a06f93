import { describe, expect, it } from 'vitest'
import { listeningSince } from './listening-since.ts'

const minuteMs = 60_000

describe('listening', () => {
  it('is since the start, as long as it is asked about; anew after a break', () => {
    let nowMs = 0
    const since = listeningSince({ now: () => new Date(nowMs) })
    for (; nowMs < 30 * minuteMs; nowMs += minuteMs) expect(since().getTime()).toBe(0)
    nowMs += 6 * minuteMs
    const wokenMs = nowMs
    for (; nowMs < 60 * minuteMs; nowMs += minuteMs) expect(since().getTime()).toBe(wokenMs)
  })
})

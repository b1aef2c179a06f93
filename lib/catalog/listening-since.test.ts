import { beforeEach, describe, expect, it } from 'vitest'
import { catalogKeys } from './catalog-keys.ts'
import { catalog, type Catalog } from './catalog.ts'
import { listeningSince } from './listening-since.ts'
import { memoryItemStore } from './memory-item-store.ts'

const minuteMs = 60_000
const clock = { now: () => new Date(nowMs) }
let nowMs: number
let things: Catalog

beforeEach(() => {
  nowMs = 0
  things = catalog(memoryItemStore())
})

/** By a process of its own, as a function's may be each time. */
const since = async () => (await listeningSince({ catalog: things, clock })()).getTime()

describe('listening', () => {
  it('is since the start, as long as somebody asks each minute, whoever; anew after a break', async () => {
    for (; nowMs < 70 * minuteMs; nowMs += minuteMs) expect(await since()).toBe(0)
    nowMs += 5 * minuteMs
    const wokenMs = nowMs
    for (; nowMs < 100 * minuteMs; nowMs += minuteMs) expect(await since()).toBe(wokenMs)
  })

  it('is written each second minute', async () => {
    const written = new Set<string | undefined>()
    for (; nowMs < 10 * minuteMs; nowMs += minuteMs) {
      await since()
      written.add((await things.listening.get(catalogKeys.listening()))?.at)
    }
    expect(written.size).toBe(5)
  })
})

import { describe, expect, it } from 'vitest'
import { forEachConcurrently } from './concurrency.ts'
import { serial } from './serial.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('forEachConcurrently', () => {
  it('does everything once, at most so many at a time', async () => {
    const done: number[] = []
    let [running, most] = [0, 0]
    await forEachConcurrently(Array(50).keys(), { limit: 4 }, async (item) => {
      running++
      most = Math.max(most, running)
      await turn()
      done.push(item)
      running--
    })
    expect(done.toSorted((a, b) => a - b)).toEqual([...Array(50).keys()])
    expect(most).toBe(4)
  })

  it('begins nothing after a failure, awaits what is under way, and throws the first', async () => {
    const begun: number[] = []
    let ended = 0
    const failing = forEachConcurrently(Array(50).keys(), { limit: 3 }, async (item) => {
      begun.push(item)
      await turn()
      if (item >= 1) throw new Error(`item ${item}`)
      await turn()
      ended++
    })
    await expect(failing).rejects.toThrow('item 1')
    expect(begun).toEqual([0, 1, 2])
    expect(ended).toBe(1)
  })

  it('begins nothing more after the signal', async () => {
    const stopping = new AbortController()
    let begun = 0
    const stopped = forEachConcurrently(Array(50).keys(), { limit: 2, signal: stopping.signal }, async () => {
      begun++
      stopping.abort(new Error('enough'))
      await turn()
    })
    await expect(stopped).rejects.toThrow('enough')
    expect(begun).toBe(2)
  })
})

describe('serial', () => {
  it('does one at a time, in order, and goes on after a failure', async () => {
    const inTurn = serial()
    const log: string[] = []
    const work = (name: string) => async () => {
      log.push(`${name} begins`)
      await turn()
      log.push(`${name} ends`)
      if (name === 'b') throw new Error('b failed')
      return name
    }
    const results = await Promise.allSettled(['a', 'b', 'c'].map((name) => inTurn(work(name))))
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  })
})

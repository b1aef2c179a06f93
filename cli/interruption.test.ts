import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Interrupted, interruption } from './interruption.ts'

const setUp = () => {
  const signals = new EventEmitter()
  const seen: string[] = []
  let nowMs = 0
  const signal = interruption({
    signals,
    now: () => nowMs,
    onFirst: () => seen.push('first'),
    onSecond: () => seen.push('second'),
  })
  const pressAt = (ms: number, name = 'SIGINT') => {
    nowMs = ms
    signals.emit(name)
  }
  return { signal, seen, pressAt }
}

describe('interruption', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('aborts at %s', (name) => {
    const { signal, seen, pressAt } = setUp()
    expect(signal.aborted).toBe(false)
    pressAt(1000, name)
    expect(signal.reason).toBeInstanceOf(Interrupted)
    expect(seen).toEqual(['first'])
  })

  it('takes the same key press, passed on by npm, for one', () => {
    const { seen, pressAt } = setUp()
    pressAt(1000)
    pressAt(1030)
    expect(seen).toEqual(['first'])
  })

  it('tells of a second key press', () => {
    const { seen, pressAt } = setUp()
    pressAt(1000)
    pressAt(1800)
    expect(seen).toEqual(['first', 'second'])
  })
})

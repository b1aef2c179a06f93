import { describe, expect, it } from 'vitest'
import { freeMemory, freeOwnBlock, ownBlock, wholeBuffers } from './block-memory.ts'

describe('block memory', () => {
  it('moves whole buffers only', () => {
    const whole = new Uint8Array(8)
    expect(wholeBuffers(whole)).toEqual([whole.buffer])
    expect(wholeBuffers(whole.subarray(1))).toEqual([])
    expect(wholeBuffers(new Uint8Array(new SharedArrayBuffer(8)))).toEqual([])
    expect(wholeBuffers(undefined)).toEqual([])
  })

  it('is free at once, and stays so', () => {
    const block = new Uint8Array(8)
    freeMemory(block)
    expect(block.byteLength).toBe(0)
    expect(() => freeMemory(block)).not.toThrow()
  })

  it('stays where it is a part of something', () => {
    const whole = Uint8Array.of(1, 2, 3, 4)
    freeMemory(whole.subarray(0, 2))
    expect([...whole]).toEqual([1, 2, 3, 4])
  })

  it('is only taken from whom it was given up by', () => {
    const [mine, given] = [new Uint8Array(8), new Uint8Array(8)]
    ownBlock(given)
    freeOwnBlock(mine)
    freeOwnBlock(given)
    expect([mine.byteLength, given.byteLength]).toEqual([8, 0])
  })
})

import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { jsonInsertions, mutations } from '#test/mutations.ts'
import {
  decodeBadBlocks,
  encodeBadBlocks,
  readBadBlocks,
  removeBadBlocks,
  updateBadBlocks,
  type BadBlock,
} from './bad-blocks.ts'
import { checksumOf } from './checksum.ts'
import { volumeKeys } from './keys.ts'

const keys = volumeKeys('vol1')
const [first, second] = [checksumOf('1'), checksumOf('2')]
const bad = (foundAt = '2026-08-20T03:00:05Z', reason = 'it is missing'): BadBlock => ({ reason, foundAt })

describe('the list of bad blocks', () => {
  it('is written in a form that stays', () => {
    expect(Buffer.from(encodeBadBlocks(new Map([[first, bad()]]))).toString()).toBe(
      `{"version":1,"blocks":{"${first}":{"reason":"it is missing","foundAt":"2026-08-20T03:00:05Z"}}}`,
    )
  })

  it('survives writing and reading', () => {
    const checksum = fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((bytes) => Buffer.from(bytes).toString('hex'))
    const entry = fc.record({
      reason: fc.string({ maxLength: 100 }),
      foundAt: fc
        .date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })
        .map((date) => date.toISOString()),
    })
    fc.assert(
      fc.property(fc.array(fc.tuple(checksum, entry), { maxLength: 20 }), (entries) => {
        const blocks = new Map(entries)
        expect(decodeBadBlocks(encodeBadBlocks(blocks))).toEqual({ kind: 'list', blocks })
      }),
    )
  })

  it('keeps the newest 20,000, and 200 characters of each reason', () => {
    const blocks = new Map<string, BadBlock>([[first, bad('2020-01-01T00:00:00Z')]])
    for (let i = 0; i < 20_000; i++)
      blocks.set(checksumOf(`bad ${i}`), bad('2026-08-20T03:00:05Z', '\u0000'.repeat(500)))
    const decoded = decodeBadBlocks(encodeBadBlocks(blocks))
    if (decoded.kind !== 'list') throw new Error(decoded.reason)
    expect(decoded.blocks.size).toBe(20_000)
    expect(decoded.blocks.has(first)).toBe(false)
    expect(decoded.blocks.get(checksumOf('bad 7'))?.reason.length).toBe(200)
  })

  it.each([
    '',
    '[]',
    'null',
    '{"version":1,"blocks":',
    '{"version":2,"blocks":{}}',
    '{"version":1,"blocks":{"../x":{"reason":"","foundAt":"2026-08-20T03:00:05Z"}}}',
    `{"version":1,"blocks":{"${first}":{"reason":"","foundAt":"yesterday"}}}`,
  ])('that is %s is unreadable, which is a value', (json) => {
    expect(decodeBadBlocks(Buffer.from(json))).toEqual({
      kind: 'unreadable',
      reason: expect.stringMatching(/./),
    })
  })

  it('has no entry for what means something to JavaScript', () => {
    const json = '{"version":1,"blocks":{"__proto__":{"reason":"","foundAt":"2026-08-20T03:00:05Z"}}}'
    expect(decodeBadBlocks(Buffer.from(json))).toEqual({ kind: 'list', blocks: new Map() })
  })

  it('damaged in any way is read, or unreadable', () => {
    const source = encodeBadBlocks(
      new Map([
        [first, bad()],
        [second, bad()],
      ]),
    )
    fc.assert(
      fc.property(mutations([source], jsonInsertions), (bytes) => {
        expect(['list', 'unreadable']).toContain(decodeBadBlocks(bytes).kind)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the list of bad blocks in a store', () => {
  it('grows and shrinks, and is empty where there is none', async () => {
    const store = memoryObjectStore()
    expect(await readBadBlocks(store, keys)).toEqual(new Map())
    await updateBadBlocks(store, keys, (known) => new Map([...known, [first, bad()], [second, bad()]]))
    await removeBadBlocks(store, keys, [first, checksumOf('never bad')])
    expect(await readBadBlocks(store, keys)).toEqual(new Map([[second, bad()]]))
    expect(store.keys()).toEqual([keys.badBlocks])
  })

  it('is not written where nothing changes', async () => {
    const store = memoryObjectStore()
    await removeBadBlocks(store, keys, [first])
    expect(store.keys()).toEqual([])
    await updateBadBlocks(store, keys, () => new Map([[first, bad()]]))
    const before = await store.head(keys.badBlocks)
    await updateBadBlocks(store, keys, () => new Map([[first, bad('2027-01-01T00:00:00Z')]]))
    expect((await store.head(keys.badBlocks))?.etag).toBe(before?.etag)
  })

  it('keeps what another wrote meanwhile', async () => {
    const store = memoryObjectStore()
    let rounds = 0
    await updateBadBlocks(store, keys, (known) => {
      if (rounds++ === 0) store.setBytes(keys.badBlocks, encodeBadBlocks(new Map([[second, bad()]])))
      return new Map([...known, [first, bad()]])
    })
    expect(new Set((await readBadBlocks(store, keys)).keys())).toEqual(new Set([first, second]))
  })

  it('gives up when others never stop', async () => {
    const store = memoryObjectStore()
    let round = 0
    const change = () => {
      store.setBytes(keys.badBlocks, encodeBadBlocks(new Map([[checksumOf(`round ${round++}`), bad()]])))
      return new Map([[first, bad()]])
    }
    await expect(updateBadBlocks(store, keys, change)).rejects.toMatchObject({ code: 'conflict' })
    expect(round).toBe(10)
  })

  it('is an error to a reader when it is unreadable, and replaced by the next writer', async () => {
    const store = memoryObjectStore()
    store.setBytes(keys.badBlocks, Buffer.from('{'))
    await expect(readBadBlocks(store, keys)).rejects.toMatchObject({
      code: 'invalid-config',
      message: expect.stringContaining(keys.badBlocks),
    })
    await updateBadBlocks(store, keys, (known) => known)
    expect(await readBadBlocks(store, keys)).toEqual(new Map())
  })
})

import { describe, expect, it } from 'vitest'
import { memoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { volumeKeys } from './keys.ts'
import { encodeLock, isBefore, isExpired, readLocks } from './lock-file.ts'

const second = 1_000_000_000n

describe('a lock file', () => {
  it('is what Longhorn writes', () => {
    expect(Buffer.from(encodeLock('lock-0011223344556677', 1, true)).toString()).toBe(
      '{"Name":"lock-0011223344556677","Type":1,"Acquired":true}',
    )
  })

  it.each([
    [150n, false],
    [151n, true],
  ])('%s s after its last refresh is expired: %s', (age, expired) => {
    expect(isExpired({ lastModifiedNs: 1000n * second, serverTimeNs: (1000n + age) * second })).toBe(expired)
  })

  it.each([
    [
      'acquired before waiting',
      { isAcquired: true, time: 9n, name: 'z' },
      { isAcquired: false, time: 1n, name: 'a' },
    ],
    [
      'earlier before later',
      { isAcquired: false, time: 1n, name: 'z' },
      { isAcquired: false, time: 2n, name: 'a' },
    ],
    [
      'by name at the same time',
      { isAcquired: true, time: 1n, name: 'lock-B' },
      { isAcquired: true, time: 1n, name: 'lock-a' },
    ],
  ])('comes %s', (_, first, last) => {
    const lock = ({ isAcquired, time, name }: typeof first) => ({ isAcquired, lastModifiedNs: time, name })
    expect(isBefore(lock(first), lock(last))).toBe(true)
    expect(isBefore(lock(last), lock(first))).toBe(false)
  })

  it('is ignored where it cannot be read, is a temporary file, or is our own', async () => {
    const store = memoryObjectStore()
    const keys = volumeKeys('vol')
    store.setBytes(keys.lock('lock-cut'), Buffer.from('{"Name":"lock-c'))
    store.setBytes(keys.lock('lock-list'), Buffer.from('[]'))
    store.setBytes(`${keys.lock('lock-half')}.tmp.123`, encodeLock('lock-half', 2, true))
    store.setBytes(keys.lock('lock-own'), encodeLock('lock-own', 1, true))
    store.setBytes(keys.lock('lock-theirs'), encodeLock('lock-theirs', 2, false))
    expect(await readLocks(store, keys, 'lock-own')).toMatchObject([
      { name: 'lock-theirs', type: 2, isAcquired: false },
    ])
  })
})

/**
 * @module checksum-set: a set of checksums in typed arrays, 40 to 80 bytes each, where a Set of strings takes 150.
 *
 * Open addressing on the checksum's own first bytes, which are evenly spread.
 */
import { checksumBytes } from './checksum.ts'

export interface ChecksumSet {
  readonly size: number
  /** Returns whether it is new. */
  add(checksum: string): boolean
  has(checksum: string): boolean
  /** Adds all of a list's packed checksums (32 bytes each). */
  addPacked(checksums: Uint8Array): void
}

export const checksumSet = (expected = 1024): ChecksumSet => {
  let capacity = 1 << Math.ceil(Math.log2(Math.max(16, expected * 2)))
  let slots = new Uint8Array(capacity * checksumBytes)
  let used = new Uint8Array(capacity)
  let size = 0

  const slotOf = (bytes: Uint8Array): number => {
    const mask = capacity - 1
    let slot =
      (((bytes[0] ?? 0) << 24) | ((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)) & mask
    while (
      used[slot] === 1 &&
      Buffer.compare(slots.subarray(slot * checksumBytes, (slot + 1) * checksumBytes), bytes) !== 0
    ) {
      slot = (slot + 1) & mask
    }
    return slot
  }
  const insert = (bytes: Uint8Array): boolean => {
    const slot = slotOf(bytes)
    if (used[slot] === 1) return false
    used[slot] = 1
    slots.set(bytes, slot * checksumBytes)
    size++
    if (size * 2 > capacity) grow()
    return true
  }
  const grow = () => {
    const [oldSlots, oldUsed] = [slots, used]
    capacity *= 2
    slots = new Uint8Array(capacity * checksumBytes)
    used = new Uint8Array(capacity)
    size = 0
    for (let i = 0; i < oldUsed.length; i++) {
      if (oldUsed[i] === 1) insert(oldSlots.subarray(i * checksumBytes, (i + 1) * checksumBytes))
    }
  }
  return {
    get size() {
      return size
    },
    add: (checksum) => insert(Buffer.from(checksum, 'hex')),
    has: (checksum) => used[slotOf(Buffer.from(checksum, 'hex'))] === 1,
    addPacked: (checksums) => {
      for (let at = 0; at < checksums.length; at += checksumBytes)
        insert(checksums.subarray(at, at + checksumBytes))
    },
  }
}

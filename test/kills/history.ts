/**
 * @module history: what a writer wrote, in its order: one block at a time, each after the one before was acknowledged. So what was
 * there at any moment is a beginning of that order, and so must be each snapshot, and each backup of one.
 */
import { createHash } from 'node:crypto'
import { KiB } from '#lib/base/sizes.ts'

export const blockBytes = 4 * KiB
export const slots = 1024

const headerBytes = 16
const magic = Buffer.from('kill')
const numberAt = 12

export interface History {
  /** Where the next goes, and what. */
  begin(slot: number): { number: number; block: Buffer }
  acknowledge(number: number): void
  last(): number
  /** The last that was acknowledged before a time; the last that was begun by a time. */
  acknowledgedBefore(timeMs: number): number
  begunBy(timeMs: number): number
  /** After how many writes it was like this. @throws when it never was. */
  momentOf(content: Buffer, strideBytes: number): number
}

const blockFor = (volume: number, slot: number, number: number): Buffer => {
  const header = Buffer.alloc(headerBytes)
  magic.copy(header)
  header.writeUInt32BE(volume, 4)
  header.writeUInt32BE(slot, 8)
  header.writeUInt32BE(number, numberAt)
  const rest = createHash('shake256', { outputLength: blockBytes - headerBytes })
    .update(header)
    .digest()
  return Buffer.concat([header, rest])
}

/** How many of ascending numbers are at most `most`. */
const countUpTo = (numbers: readonly number[], most: number): number => {
  let [low, high] = [0, numbers.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((numbers[middle] ?? 0) <= most) low = middle + 1
    else high = middle
  }
  return low
}

export const historyOf = (volume: number): History => {
  const begunAt: number[] = []
  const acknowledgedAt: number[] = []
  const numbersOf: number[][] = Array.from({ length: slots }, () => [])

  const newestIn = (content: Buffer, strideBytes: number): number => {
    let newest = 0
    for (let slot = 0; slot < slots; slot++)
      newest = Math.max(newest, content.readUInt32BE(slot * strideBytes + numberAt))
    return newest
  }
  const contentAfter = (number: number, sizeBytes: number, strideBytes: number): Buffer => {
    const content = Buffer.alloc(sizeBytes)
    numbersOf.forEach((numbers, slot) => {
      const last = numbers[countUpTo(numbers, number) - 1]
      if (last !== undefined) blockFor(volume, slot, last).copy(content, slot * strideBytes)
    })
    return content
  }
  return {
    begin: (slot) => {
      const number = begunAt.push(Date.now())
      numbersOf[slot]?.push(number)
      return { number, block: blockFor(volume, slot, number) }
    },
    acknowledge: (number) => {
      acknowledgedAt[number - 1] = Date.now()
    },
    last: () => acknowledgedAt.length,
    acknowledgedBefore: (timeMs) => countUpTo(acknowledgedAt, timeMs - 1),
    begunBy: (timeMs) => countUpTo(begunAt, timeMs),
    momentOf: (content, strideBytes) => {
      const number = newestIn(content, strideBytes)
      if (number > begunAt.length) throw new Error(`it has a write ${number} that never was`)
      const expected = contentAfter(number, content.length, strideBytes)
      if (content.equals(expected)) return number
      const wrong = Array.from({ length: slots }, (_, slot) => slot).filter((slot) => {
        const [from, to] = [slot * strideBytes, (slot + 1) * strideBytes]
        return !content.subarray(from, to).equals(expected.subarray(from, to))
      })
      const told = wrong.slice(0, 5).map((slot) => {
        const has = content.readUInt32BE(slot * strideBytes + numberAt)
        return `slot ${slot} has write ${has}, not ${expected.readUInt32BE(slot * strideBytes + numberAt)}`
      })
      throw new Error(
        `it is no beginning of what was written, up to ${number}: ${wrong.length} slots differ; ${told.join('; ')}`,
      )
    },
  }
}

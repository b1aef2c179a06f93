/**
 * @module letter-volume: volumes of a few blocks, written as words: each letter is a block, the same letter the same block.
 *
 * `.` was never written, `0` holds written zeros, `#` does not compress; a capital letter is one line of text again and again, a
 * small one noise that repeats.
 */
import { createCipheriv, hash } from 'node:crypto'
import { KiB, MiB } from '#lib/base/sizes.ts'
import type { BlockSource, ReadBlock } from '#lib/backup/block-source.ts'
import { packBlock } from '#lib/backup/block-task.ts'
import type { BlockToOpen, RestoreTarget } from '#lib/backup/restore-target.ts'
import { openBlock, type CompressionMethod } from '#lib/backupstore/block.ts'
import { checksumOf } from '#lib/backupstore/checksum.ts'

export const blockSizeBytes = 2 * MiB

/** The same for the same seed, and as good as random to a compressor. */
const noise = (seed: string, sizeBytes: number): Buffer =>
  createCipheriv('aes-128-ctr', hash('md5', seed, 'buffer'), Buffer.alloc(16)).update(Buffer.alloc(sizeBytes))

const contentOf = (letter: string): Buffer => {
  if (letter === '.' || letter === '0') return Buffer.alloc(blockSizeBytes)
  if (letter === '#') return noise(letter, blockSizeBytes)
  const isCapital = letter === letter.toUpperCase()
  return Buffer.alloc(blockSizeBytes, isCapital ? `this is block ${letter}, ` : noise(letter, 8 * KiB))
}

const remembered = <T>(make: (key: string) => T): ((key: string) => T) => {
  const known = new Map<string, T>()
  return (key) => {
    const found = known.get(key) ?? make(key)
    known.set(key, found)
    return found
  }
}

const block = remembered(contentOf)

/** By checksum. */
const letters = new Map<string, string>()

const packedBy = (method: CompressionMethod) =>
  remembered((letter): ReadBlock => {
    const read = packBlock(block(letter), method)
    letters.set(read.checksum, letter === '0' ? '.' : letter)
    return read
  })
const packed = { none: packedBy('none'), lz4: packedBy('lz4'), gzip: packedBy('gzip') }

export const checksumOfLetter = (letter: string): string => packed.lz4(letter).checksum

export const lettersIn = (word: string): string[] => word.split('')

/** What is restored: whether zeros were written is not told. */
export const asRestored = (word: string, sizeBlocks = word.length): string =>
  word.padEnd(sizeBlocks, '.').replaceAll('0', '.')

/** As it is stored. */
export const storedLetter = (letter: string, method: CompressionMethod = 'lz4'): Uint8Array => {
  const { stored } = packed[method](letter)
  if (!stored) throw new Error(`block ${letter} was not packed`)
  return stored
}

/** Of `sizeBlocks`, where that is more than the word has letters: a volume that grew. */
export const imageOf = (word: string, sizeBlocks = word.length): Buffer =>
  Buffer.concat(lettersIn(word.padEnd(sizeBlocks, '.')).map(block))

const sha256 = remembered((word) => hash('sha256', imageOf(word)))

export const sha256Of = (word: string, sizeBlocks = word.length): string =>
  sha256(word.padEnd(sizeBlocks, '.'))

/** Each letter is hashed and compressed once in a process, so that thousands of backups take seconds. */
export const letterSource = (word: string): BlockSource => ({
  description: word,
  sizeBytes: word.length * blockSizeBytes,
  allocatedBlocks: async () =>
    Uint32Array.from(lettersIn(word).flatMap((letter, i) => (letter === '.' ? [] : [i]))),
  read: async ({ index, method, skipIf }) => {
    const read = packed[method](word.charAt(index))
    return read.checksum === skipIf ? { checksum: read.checksum } : read
  },
  hasChanged: async () => false,
  close: async () => {},
})

const opened = new Map<string, string>()

/** Each block that differs in any byte is unpacked and verified once in a process. @throws BackupstoreError `invalid-block`. */
const letterOf = (stored: BlockToOpen): string => {
  const key = [stored.checksum, stored.method, hash('sha256', stored.bytes)].join(' ')
  const known = opened.get(key) ?? checksumOf(openBlock(stored))
  opened.set(key, known)
  return letters.get(known) ?? '?'
}

/** A target that knows its content as a word. */
export const letterTarget = (existing?: string): RestoreTarget & { word: () => string } => {
  let content = lettersIn(asRestored(existing ?? ''))
  const zeros = checksumOfLetter('.')
  return {
    description: 'letters',
    isNew: existing === undefined,
    prepare: async (sizeBytes) => {
      const size = sizeBytes / blockSizeBytes
      content = lettersIn(content.join('').slice(0, size).padEnd(size, '.'))
    },
    write: async (stored, indexes) => {
      const letter = letterOf(stored)
      for (const index of indexes) content[index] = letter
    },
    checksum: async (index) => (content[index] === undefined ? zeros : checksumOfLetter(content[index])),
    zero: async (index) => {
      content[index] = '.'
    },
    finish: async () => {},
    abandon: async () => {},
    word: () => content.join(''),
  }
}

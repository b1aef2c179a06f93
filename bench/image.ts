/**
 * @module image: the disk images that are backed up: the same ones for the same seed.
 *
 * The first half is random; of the second half each 4 KiB begin with 2 KiB of random bytes, and the rest is zeros, as data are that
 * compress by half. A changed image is a copy with a few random blocks of 4 KiB, as a database leaves it.
 */
import { createCipheriv, createHash, type Cipheriv } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, open } from 'node:fs/promises'
import { KiB, MiB } from '#lib/base/sizes.ts'

const sectorBytes = 4 * KiB
const chunkBytes = 2 * MiB

/** AES in counter mode over zeros: as random as can be, and faster than a disk. */
const randomStream = (seed: string): Cipheriv => {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
}

const randomBytes = (stream: Cipheriv, count: number): Buffer => stream.update(Buffer.alloc(count))

const halfRandom = (stream: Cipheriv): Buffer => {
  const chunk = randomBytes(stream, chunkBytes)
  for (let at = 0; at < chunkBytes; at += sectorBytes) chunk.fill(0, at + sectorBytes / 2, at + sectorBytes)
  return chunk
}

export const makeImage = async (
  path: string,
  options: { sizeBytes: number; seed: string },
): Promise<void> => {
  const stream = randomStream(options.seed)
  const file = await open(path, 'wx')
  try {
    for (let at = 0; at < options.sizeBytes; at += chunkBytes) {
      await file.write(
        at < options.sizeBytes / 2 ? randomBytes(stream, chunkBytes) : halfRandom(stream),
        0,
        chunkBytes,
        at,
      )
    }
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Offsets of distinct sectors. */
const someSectors = (stream: Cipheriv, count: number, sizeBytes: number): Set<number> => {
  const offsets = new Set<number>()
  while (offsets.size < count) {
    offsets.add((randomBytes(stream, 4).readUInt32LE() % (sizeBytes / sectorBytes)) * sectorBytes)
  }
  return offsets
}

/** Returns the offsets of the 4 KiB that differ. */
export const changeImage = async (
  from: string,
  to: string,
  options: { count: number; seed: string },
): Promise<number[]> => {
  const stream = randomStream(options.seed)
  await copyFile(from, to, constants.COPYFILE_EXCL)
  const file = await open(to, 'r+')
  try {
    const offsets = someSectors(stream, options.count, (await file.stat()).size)
    for (const at of offsets) await file.write(randomBytes(stream, sectorBytes), 0, sectorBytes, at)
    await file.sync()
    return [...offsets]
  } finally {
    await file.close()
  }
}

/**
 * @module block: one `.blk` object: a block of a volume, compressed, and what it takes to trust it.
 *
 * Invariant: nothing that these functions return is longer than one block, and memory stays within that too. What `openBlock`
 * returns is exactly what the block's name says. Source: longhorn.md 1.4, 1.5.
 */
import { gunzipSync, gzipSync, type ZlibOptions } from 'node:zlib'
import { KiB } from '#lib/base/sizes.ts'
import { BackupstoreError } from './backupstore-error.ts'
import { checksumOf } from './checksum.ts'
import { isLz4Frame, lz4FrameCompress, lz4FrameDecompress } from './lz4-frame.ts'

export const compressionMethods = ['none', 'lz4', 'gzip'] as const
export type CompressionMethod = (typeof compressionMethods)[number]

/**
 * What a config's `CompressionMethod` means; empty is gzip, which is all there was before Longhorn 1.5.
 * @throws BackupstoreError `unsupported`, naming the object that says so.
 */
export const compressionMethodOf = (text: string, key: string): CompressionMethod => {
  if (text === '') return 'gzip'
  const method = compressionMethods.find((known) => known === text)
  if (method) return method
  throw new BackupstoreError(
    'unsupported',
    `${key} has the unknown compression method ${JSON.stringify(text.slice(0, 40))}`,
    {
      hint: `known methods are ${compressionMethods.join(', ')}; a newer Longhorn may have written this`,
    },
  )
}

/** The longest object that can hold one block: what does not shrink grows by headers and checksums, at most 2 KiB in 16 MiB. */
export const maxStoredBlockBytes = (blockSizeBytes: number): number => blockSizeBytes + 64 * KiB

/** Byte for byte as Longhorn's, but for the compressed data themselves, which differ between compressors. */
export const compressBlock = (data: Uint8Array, method: CompressionMethod): Uint8Array => {
  switch (method) {
    case 'none':
      return data
    case 'lz4':
      return lz4FrameCompress(data)
    case 'gzip':
      return gzip(data)
    default:
      return method satisfies never
  }
}

const gzip = (data: Uint8Array): Uint8Array => {
  const packed = gzipSync(data, { level: 6 })
  packed[8] = 0 // "extra flags", which Go leaves 0 at this level
  packed[9] = 255 // "unknown operating system", as Go says
  return packed
}

export interface StoredBlock {
  bytes: Uint8Array
  /** What its backup says. A gzip or lz4 block is unpacked by what it is: stores with both exist, see longhorn#7687. */
  method: CompressionMethod
  blockSizeBytes: number
  /** For messages. */
  key: string
}

/** @throws BackupstoreError `invalid-block` unless it unpacks, to its last byte, to exactly one block. */
export const decompressBlock = ({ bytes, method, blockSizeBytes, key }: StoredBlock): Uint8Array => {
  let data: Uint8Array
  try {
    data = unpack(bytes, method, blockSizeBytes)
  } catch (cause) {
    throw invalidBlock(key, `does not unpack: ${reasonOf(cause)}`, cause)
  }
  if (data.length === blockSizeBytes) return data
  throw invalidBlock(key, `holds ${data.length} bytes instead of ${blockSizeBytes}`)
}

const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const isTooLong = 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE' // of zlib's maxOutputLength
  return isTooLong ? 'it unpacks to more than one block' : error.message
}

const unpack = (bytes: Uint8Array, method: CompressionMethod, maxBytes: number): Uint8Array => {
  if (method === 'none') return bytes
  if (isGzip(bytes)) return gunzip(bytes, maxBytes)
  if (isLz4Frame(bytes)) return lz4FrameDecompress(bytes, maxBytes)
  throw new Error('it is neither gzip nor lz4')
}

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

interface GunzipInfo {
  buffer: Buffer
  engine: { bytesWritten: number }
}

/** Members one after another are concatenated, as Longhorn's reader does. */
const gunzip = (bytes: Uint8Array, maxBytes: number): Uint8Array => {
  const options: ZlibOptions & { info: true } = { maxOutputLength: maxBytes, info: true }
  const result: unknown = gunzipSync(bytes, options)
  const { buffer, engine } = result as GunzipInfo // oxlint-disable-line typescript/no-unsafe-type-assertion -- what `info` gives, by https://nodejs.org/api/zlib.html#class-options; @types/node lacks it
  if (engine.bytesWritten !== bytes.length) throw new Error('something follows the gzip data')
  return buffer
}

/** @throws BackupstoreError `invalid-block` unless the data are what the checksum says. */
export const verifyBlock = (data: Uint8Array, checksum: string, key: string): void => {
  const actual = checksumOf(data)
  if (actual !== checksum)
    throw invalidBlock(key, `holds other data than its name says: their checksum is ${actual}`)
}

/** A block's data, unpacked and verified. @throws BackupstoreError `invalid-block`. */
export const openBlock = ({ checksum, ...stored }: StoredBlock & { checksum: string }): Uint8Array => {
  const data = decompressBlock(stored)
  verifyBlock(data, checksum, stored.key)
  return data
}

const invalidBlock = (key: string, what: string, cause?: unknown) =>
  new BackupstoreError('invalid-block', `block ${key} ${what}`, {
    hint: 'the block is damaged; the next backup of a volume that still has this data can store it again',
    ...(cause === undefined ? {} : { cause }),
  })

const zeroChecksums = new Map<number, string>()

/** The checksum of a block of zeros. */
export const zeroBlockChecksum = (blockSizeBytes: number): string => {
  const known = zeroChecksums.get(blockSizeBytes)
  if (known !== undefined) return known
  const checksum = checksumOf(new Uint8Array(blockSizeBytes))
  zeroChecksums.set(blockSizeBytes, checksum)
  return checksum
}

import { randomBytes } from 'node:crypto'
import { constants, gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mutations } from '#test/mutations.ts'
import { BackupstoreError } from './backupstore-error.ts'
import {
  compressBlock,
  compressionMethodOf,
  compressionMethods,
  decompressBlock,
  maxStoredBlockBytes,
  openBlock,
  verifyBlock,
  zeroBlockChecksum,
  type CompressionMethod,
} from './block.ts'
import { checksumOf } from './checksum.ts'
import { lz4FrameCompress } from './lz4-frame.ts'

const MiB = 1024 * 1024
const key = 'backupstore/volumes/01/9c/vol1/blocks/41/7e/417e.blk'
const ones = Buffer.alloc(2 * MiB, 1)

const open = (bytes: Uint8Array, method: CompressionMethod, blockSizeBytes = 2 * MiB) =>
  decompressBlock({ bytes, method, blockSizeBytes, key })
const invalid = (message: string) =>
  expect.objectContaining({ code: 'invalid-block', message: expect.stringContaining(`${key} ${message}`) })

describe('a block', () => {
  it.each(compressionMethods)('comes back from %s', (method) => {
    for (const data of [ones, Buffer.alloc(2 * MiB), randomBytes(2 * MiB), Buffer.alloc(16 * MiB, 'abc')]) {
      const bytes = compressBlock(data, method)
      expect(bytes.length).toBeLessThanOrEqual(maxStoredBlockBytes(data.length))
      const opened = openBlock({
        bytes,
        method,
        blockSizeBytes: data.length,
        checksum: checksumOf(data),
        key,
      })
      expect(Buffer.compare(opened, data)).toBe(0)
    }
  })

  it('has the headers that Longhorn writes', () => {
    expect(Buffer.from(compressBlock(ones, 'gzip').subarray(0, 10)).toString('hex')).toBe(
      '1f8b08000000000000ff',
    )
    expect(Buffer.from(compressBlock(ones, 'lz4').subarray(0, 7)).toString('hex')).toBe('04224d186470b9')
    expect(compressBlock(ones, 'none')).toBe(ones)
  })

  it('is read as what it is, gzip or lz4, whatever its backup says', () => {
    expect(open(compressBlock(ones, 'gzip'), 'lz4').length).toBe(2 * MiB)
    expect(open(compressBlock(ones, 'lz4'), 'gzip').length).toBe(2 * MiB)
    expect(() => open(compressBlock(ones, 'gzip'), 'none')).toThrow(invalid('holds'))
  })

  it('may be several gzip members, as it may for Go', () => {
    const members = Buffer.concat([gzipSync(ones.subarray(0, 1000)), gzipSync(ones.subarray(1000))])
    expect(open(members, 'gzip').length).toBe(2 * MiB)
  })

  it('may be gzip of any level and strategy', () => {
    for (const options of [
      { level: 0 },
      { level: 9 },
      { strategy: constants.Z_HUFFMAN_ONLY },
      { strategy: constants.Z_FIXED },
    ]) {
      const bytes = gzipSync(randomBytes(2 * MiB), options)
      expect(open(bytes, 'gzip').length).toBe(2 * MiB)
    }
  })

  const packed = { gzip: compressBlock(ones, 'gzip'), lz4: compressBlock(ones, 'lz4') }
  it.each<[string, Uint8Array, CompressionMethod, string]>([
    ['empty gzip', Buffer.alloc(0), 'gzip', 'does not unpack: it is neither gzip nor lz4'],
    ['empty lz4', Buffer.alloc(0), 'lz4', 'does not unpack: it is neither gzip nor lz4'],
    ['empty none', Buffer.alloc(0), 'none', 'holds 0 bytes instead of 2097152'],
    ['raw data that should be lz4', ones, 'lz4', 'does not unpack: it is neither gzip nor lz4'],
    ['a short none', ones.subarray(1), 'none', 'holds 2097151 bytes instead of 2097152'],
    ['a long none', Buffer.alloc(2 * MiB + 1), 'none', 'holds 2097153 bytes instead of 2097152'],
    ['a short gzip', gzipSync(ones.subarray(1)), 'gzip', 'holds 2097151 bytes'],
    [
      'a long gzip',
      gzipSync(Buffer.alloc(2 * MiB + 1)),
      'gzip',
      'does not unpack: it unpacks to more than one block',
    ],
    ['a short lz4', lz4FrameCompress(ones.subarray(1)), 'lz4', 'holds 2097151 bytes'],
    [
      'a long lz4',
      lz4FrameCompress(Buffer.alloc(2 * MiB + 1)),
      'lz4',
      'does not unpack: lz4 block unpacks to more than it may',
    ],
    [
      'two lz4 frames',
      Buffer.concat([packed.lz4, packed.lz4]),
      'lz4',
      'does not unpack: lz4 block unpacks to more than it may',
    ],
    [
      'two gzip members',
      Buffer.concat([packed.gzip, packed.gzip]),
      'gzip',
      'does not unpack: it unpacks to more than one block',
    ],
    ['garbage after gzip', Buffer.concat([packed.gzip, Buffer.from('x')]), 'gzip', 'does not unpack'],
    [
      'zeros after gzip',
      Buffer.concat([packed.gzip, Buffer.alloc(9)]),
      'gzip',
      'does not unpack: something follows the gzip data',
    ],
    [
      'garbage after lz4',
      Buffer.concat([packed.lz4, Buffer.from('garbage')]),
      'lz4',
      'does not unpack: lz4 frame has a bad magic number',
    ],
    [
      'zeros after lz4',
      Buffer.concat([packed.lz4, Buffer.alloc(9)]),
      'lz4',
      'does not unpack: lz4 frame has a bad magic number',
    ],
    ['a gzip cut short', packed.gzip.subarray(0, -1), 'gzip', 'does not unpack'],
    ['an lz4 cut short', packed.lz4.subarray(0, -1), 'lz4', 'does not unpack: lz4 frame is cut short'],
  ])('that is %s is refused', (_, bytes, method, message) => {
    expect(() => open(bytes, method)).toThrow(invalid(message))
  })

  it('of other data than its name says is refused', () => {
    const checksum = checksumOf(ones)
    expect(() => verifyBlock(ones, checksum, key)).not.toThrow()
    expect(() => verifyBlock(Buffer.alloc(2 * MiB), checksum, key)).toThrow(
      invalid('holds other data than its name says'),
    )
    const bytes = compressBlock(Buffer.alloc(2 * MiB), 'lz4')
    expect(() => openBlock({ bytes, method: 'lz4', blockSizeBytes: 2 * MiB, checksum, key })).toThrow(
      invalid('holds other data'),
    )
  })

  it('that is a bomb is refused in no time and in bounded memory', () => {
    const member = gzipSync(Buffer.alloc(64 * MiB))
    const many = Buffer.concat(Array.from({ length: 64 }, () => member)) // 4 GiB
    const before = process.memoryUsage().rss
    const start = performance.now()
    expect(() => open(member, 'gzip')).toThrow(invalid('does not unpack: it unpacks to more than one block'))
    expect(() => open(many, 'gzip')).toThrow(invalid('does not unpack: it unpacks to more than one block'))
    expect(performance.now() - start).toBeLessThan(1000)
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MiB)
  })

  it('damaged in any way is the same data, or refused', () => {
    const data = Buffer.from('to be or not to be, that is the question. '.repeat(50))
    const checksum = checksumOf(data)
    const sources = compressionMethods.map((method) => compressBlock(data, method))
    fc.assert(
      fc.property(mutations(sources), fc.constantFrom(...compressionMethods), (bytes, method) => {
        try {
          const opened = openBlock({ bytes, method, blockSizeBytes: data.length, checksum, key })
          expect(Buffer.compare(opened, data)).toBe(0)
        } catch (error) {
          if (!(error instanceof BackupstoreError) || error.code !== 'invalid-block') throw error
        }
      }),
      { numRuns: 3000 },
    )
  })
})

describe('compressionMethodOf', () => {
  it('knows the three methods, and takes nothing for gzip', () => {
    expect(compressionMethods.map((method) => compressionMethodOf(method, key))).toEqual([
      'none',
      'lz4',
      'gzip',
    ])
    expect(compressionMethodOf('', key)).toBe('gzip')
  })

  it.each(['zstd', 'LZ4', ' lz4', 'constructor'])('refuses %j', (text) => {
    expect(() => compressionMethodOf(text, 'v/volume.cfg')).toThrow(
      expect.objectContaining({
        code: 'unsupported',
        message: `v/volume.cfg has the unknown compression method ${JSON.stringify(text)}`,
      }),
    )
  })
})

// longhorn.md, appendix B.
it('knows the checksum of a block of zeros', () => {
  const expected = '731859029215873fdac1c9f2f8bd25a334abf0f3a9e1b057cf2cacc2826d86b0'
  expect([zeroBlockChecksum(2 * MiB), zeroBlockChecksum(2 * MiB)]).toEqual([expected, expected])
  expect(zeroBlockChecksum(16 * MiB)).toBe('7e208b53e5c541b23906ef8ed8f5e12e4f1b470fbd0d3e907b1fc0c0b8d78eb1')
})

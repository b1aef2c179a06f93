import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mutations } from '#test/mutations.ts'
import { isLz4Frame, lz4FrameCompress, lz4FrameDecompress } from './lz4-frame.ts'

const MiB = 1024 * 1024
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

const halfRandom = (length: number): Buffer => {
  const data = Buffer.alloc(length)
  for (let at = 0; at < length; at += 4096) randomBytes(Math.min(2048, length - at)).copy(data, at)
  return data
}

describe('lz4FrameCompress', () => {
  it('writes the frame that Longhorn writes for what does not compress', () => {
    const data = randomBytes(2 * MiB)
    const frame = lz4FrameCompress(data)
    expect(frame.length).toBe(2_097_171)
    expect(Buffer.from(frame.subarray(0, 11)).toString('hex')).toBe('04224d186470b900002080')
    expect(Buffer.from(frame.subarray(-8, -4)).toString('hex')).toBe('00000000')
    expect(Buffer.compare(frame.subarray(11, -8), data)).toBe(0)
  })

  // Go's github.com/pierrec/lz4/v4 v4.1.22 wrote the same for no data at all.
  it('writes an empty frame for no data', () => {
    expect(Buffer.from(lz4FrameCompress(new Uint8Array(0))).toString('hex')).toBe(
      '04224d186470b900000000055dcc02',
    )
  })

  it('writes one data block for each 4 MiB', () => {
    const frame = Buffer.from(lz4FrameCompress(randomBytes(16 * MiB)))
    for (let block = 0; block < 4; block++)
      expect(frame.readUInt32LE(7 + block * (4 * MiB + 4))).toBe(0x80000000 + 4 * MiB)
    expect(frame.length).toBe(7 + 4 * (4 * MiB + 4) + 8)
  })

  it('compresses what compresses', () => {
    expect(lz4FrameCompress(new Uint8Array(2 * MiB)).length).toBeLessThan(9000)
    expect(lz4FrameCompress(halfRandom(2 * MiB)).length).toBeLessThan(1.1 * MiB)
  })

  it('is undone by lz4FrameDecompress', () => {
    const data = fc.oneof(
      fc.uint8Array({ maxLength: 5000 }),
      fc
        .string({ unit: fc.constantFrom('a', 'bc', 'def '), maxLength: 5000 })
        .map((text) => Buffer.from(text)),
      fc.nat(300_000).map((length) => halfRandom(length)),
    )
    fc.assert(
      fc.property(data, (bytes) => {
        expect(Buffer.compare(lz4FrameDecompress(lz4FrameCompress(bytes), bytes.length), bytes)).toBe(0)
      }),
      { numRuns: 200 },
    )
  })
})

const header = '04224d18 6070 73' // no content checksum
const block = (content: string) => {
  const bytes = hex(content)
  const size = Buffer.alloc(4)
  size.writeUInt32LE(bytes.length)
  return size.toString('hex') + bytes.toString('hex')
}
const frame = (...blocks: string[]) => hex(`${header}${blocks.join('')}00000000`)
const unpacked = (bytes: Uint8Array, maxBytes = 1000) =>
  Buffer.from(lz4FrameDecompress(bytes, maxBytes)).toString()

// Made by hand from https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md; the checksums are xxh32's.
describe('lz4FrameDecompress', () => {
  it('copies literals and overlapping matches', () => {
    // "ab", then 10 bytes from 2 back, then "c".
    expect(unpacked(frame(block('26 6162 0200 10 63')))).toBe('ababababababc')
    // "x", then 4 + 15 + 255 + 26 from 1 back, then "y".
    expect(unpacked(frame(block('1f 78 0100 ff1a 10 79')))).toBe(`${'x'.repeat(301)}y`)
  })

  it('joins frames, and skips what is skippable', () => {
    const skippable = '502a4d18 03000000 010203'
    const joined = Buffer.concat([frame(block('1061')), hex(skippable), frame(block('1062'))])
    expect(unpacked(joined)).toBe('ab')
    expect(isLz4Frame(hex(skippable))).toBe(true)
  })

  it('reads every flavour', () => {
    // Independent blocks do not see each other; linked ones do, and their matches may reach back into earlier blocks.
    expect(unpacked(hex(`04224d18 4070 df ${block('40 61626364')} ${block('00 0400 10 65')} 00000000`))).toBe(
      'abcdabcde',
    )
    expect(unpacked(hex(`04224d18 7070 72 ${block('1061')} 20f9bf51 00000000`))).toBe('a')
    expect(unpacked(hex(`04224d18 6870 0500000000000000 e7 ${block('50 6162636465')} 00000000`))).toBe(
      'abcde',
    )
    expect(unpacked(hex(`04224d18 6470 b9 ${block('1061')} 00000000 56740d55`))).toBe('a')
    expect(unpacked(hex(`${header} 01000080 61 ${block('1062')} 00000000`))).toBe('ab')
    expect(unpacked(hex(`02214c18 ${block('1061')} ${block('1062')}`))).toBe('ab')
    expect(unpacked(hex(`02214c18 ${block('1061')} 04224d18 6070 73 ${block('1062')} 00000000`))).toBe('ab')
  })

  it.each([
    ['nothing', '', 'cut short'],
    ['another magic number', '1f8b0800', 'bad magic number'],
    ['no header', '04224d18', 'cut short'],
    ['another version', '04224d18 a070 73', 'unknown version'],
    ['a reserved flag', '04224d18 6270 73', 'unknown version'],
    ['a reserved block size', '04224d18 6030 73', 'unknown version'],
    ['a dictionary', '04224d18 6170 01000000 73', 'needs a dictionary'],
    ['a wrong header checksum', '04224d18 6070 74', 'wrong header checksum'],
    ['no end mark', header, 'cut short'],
    ['a block cut short', `${header} 05000000 4061`, 'cut short'],
    ['literals past the end of their block', `${header} ${block('f0 10 61')} 00000000`, 'cut short'],
    ['a match before the start', `${header} ${block('16 61 0200 10 63')} 00000000`, 'was not written'],
    ['a match of distance 0', `${header} ${block('16 61 0000 10 63')} 00000000`, 'was not written'],
    ['a block that ends in a match', `${header} ${block('16 61 0100')} 00000000`, 'cut short'],
    ['half a distance', `${header} ${block('16 61 01')} 00000000`, 'cut short'],
    ['a length without end', `${header} ${block('1f 61 0100 ffffff')} 00000000`, 'cut short'],
    ['a block longer than its frame allows', `${header} 01004000`, 'longer than its frame allows'],
    ['something after it', `${header} 00000000 6162636465`, 'bad magic number'],
    ['a byte after it', `${header} 00000000 61`, 'cut short'],
    ['a skippable frame cut short', '502a4d18 05000000 0102', 'cut short'],
    ['a wrong block checksum', `04224d18 7070 72 ${block('1061')} 20f9bf52 00000000`, 'wrong checksum'],
    [
      'another length than it says',
      `04224d18 6870 0500000000000000 e7 ${block('1061')} 00000000`,
      'has 5 bytes but has 1',
    ],
    ['a legacy block cut short', '02214c18 05000000 1061', 'cut short'],
    ['an end mark in a legacy frame', '02214c18 00000000', 'cut short'],
    ['a wrong content checksum', '04224d18 6470b9 00000000 00000000', 'wrong content checksum'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => lz4FrameDecompress(hex(bytes), 1000)).toThrow(message)
  })

  it('refuses matches into an earlier block where blocks are independent', () => {
    expect(() => lz4FrameDecompress(frame(block('40 61626364'), block('00 0400 10 65')), 1000)).toThrow(
      'was not written',
    )
  })

  it('refuses more than it may unpack, in every way to get there', () => {
    const text = frame(block('40 61626364'))
    expect(unpacked(text, 4)).toBe('abcd')
    expect(() => lz4FrameDecompress(text, 3)).toThrow('more than it may')
    expect(() => lz4FrameDecompress(frame(block('1f 78 0100 ff1a 10 79')), 301)).toThrow('more than it may')
    expect(() => lz4FrameDecompress(hex(`${header} 04000080 61626364 00000000`), 3)).toThrow(
      'more than it may',
    )
    expect(() => lz4FrameDecompress(Buffer.concat([text, text]), 7)).toThrow('more than it may')
  })

  it('gives up on bombs in no time, and in no more memory than it may use', () => {
    const match = Buffer.concat([hex('1f 78 0100'), Buffer.alloc(4 * MiB - 8, 255), hex('00 10 79')]) // 1 GiB of x
    const size = Buffer.alloc(4)
    size.writeUInt32LE(match.length)
    const long = Buffer.concat([hex(header), size, match, hex('00000000')])
    const many = Buffer.concat([
      hex(header),
      ...Array.from({ length: 20_000 }, () => hex(block(`1f 78 0100 ${'ff'.repeat(200)}00 10 79`))),
    ])
    const before = process.memoryUsage().rss
    const start = performance.now()
    expect(() => lz4FrameDecompress(long, 2 * MiB)).toThrow('more than it may')
    expect(() => lz4FrameDecompress(many, 2 * MiB)).toThrow('more than it may')
    expect(performance.now() - start).toBeLessThan(1000)
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MiB)
  })

  it('refuses or reads damaged frames, and never anything else', () => {
    const sources = [
      lz4FrameCompress(Buffer.from('to be or not to be, that is the question. '.repeat(100))),
      lz4FrameCompress(halfRandom(20_000)),
      frame(block('26 6162 0200 10 63'), block('1f 78 0100 ff1a 10 79')),
      hex('02214c18 02000000 1061'),
    ]
    fc.assert(
      fc.property(
        mutations(sources, [
          hex('04224d18'),
          hex('02214c18'),
          hex('502a4d18'),
          hex('00000000'),
          hex('ffffffff'),
          Buffer.alloc(5000, 255),
        ]),
        (bytes) => {
          try {
            expect(lz4FrameDecompress(bytes, 50_000).length).toBeLessThanOrEqual(50_000)
          } catch (error) {
            if (!/^Error: lz4 (block|frame) /.test(String(error))) throw error
          }
        },
      ),
      { numRuns: 5000 },
    )
  })

  it('never shows memory that it did not write', () => {
    // Whatever the frame says, what comes out is made of its own bytes: here nothing but 0 and 1.
    const bits = fc.uint8Array({ max: 1, maxLength: 60 })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(bits, fc.integer({ min: 1, max: 70 }), fc.nat(300))),
        bits,
        (sequences, last) => {
          const parts = sequences.flatMap(([literals, distance, length]) => [
            sequence(literals, length),
            Uint8Array.of(distance, 0),
            lengthBytes(length),
          ])
          const bytes = Buffer.concat([...parts, sequence(last, 0)])
          try {
            const data = lz4FrameDecompress(frame(block(bytes.toString('hex'))), 30_000)
            expect(data.every((byte) => byte <= 1)).toBe(true)
          } catch (error) {
            if (!/not written|more than it may/.test(String(error))) throw error
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})

/** A token, and its literals. */
const sequence = (literals: Uint8Array, matchLength: number): Uint8Array =>
  Buffer.concat([
    Uint8Array.of((Math.min(literals.length, 15) << 4) | Math.min(matchLength, 15)),
    lengthBytes(literals.length),
    literals,
  ])

/** What follows a token whose length is 15 or more. */
const lengthBytes = (length: number): Uint8Array =>
  length < 15
    ? new Uint8Array(0)
    : Uint8Array.of(
        ...Array.from({ length: Math.floor((length - 15) / 255) }, () => 255),
        (length - 15) % 255,
      )

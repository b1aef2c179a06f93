/**
 * @module lz4-frame: LZ4 frames, written as Longhorn's Go writer writes them, read in any valid flavour.
 *
 * What is read is hostile until its checksum says otherwise: memory is bounded by what the caller allows, time by that and the
 * input's length. Source: longhorn.md 1.5, https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 */
import { compress } from 'lz4-wasm-nodejs'
import xxhash from 'xxhash-wasm'
import { KiB, MiB } from '#lib/base/sizes.ts'
import { unpackLz4Block } from './lz4-block.ts'

const hashes = await xxhash()
const checksum = (bytes: Uint8Array): number => hashes.h32Raw(bytes) >>> 0

const frameMagic = 0x184d2204
const legacyMagic = 0x184c2102
const skippableMagic = 0x184d2a50
const rawBlock = 0x80000000

/** Version 1, independent blocks, content checksum; blocks of up to 4 MiB; and the checksum of these two bytes. */
const longhornHeader = Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x64, 0x70, 0xb9)
const longhornBlockBytes = 4 * MiB

export const lz4FrameCompress = (data: Uint8Array): Uint8Array => {
  const parts: Uint8Array[] = [longhornHeader]
  for (let from = 0; from < data.length; from += longhornBlockBytes) {
    parts.push(...dataBlock(data.subarray(from, from + longhornBlockBytes)))
  }
  parts.push(u32(0), u32(checksum(data)))
  return Buffer.concat(parts)
}

/** The size word and the content, left as it is where compression would not shrink it. */
const dataBlock = (content: Uint8Array): [Uint8Array, Uint8Array] => {
  const packed = compress(content).subarray(4) // after the length of the content, which frames don't have
  return packed.length < content.length
    ? [u32(packed.length), packed]
    : [u32(rawBlock + content.length), content]
}

const u32 = (value: number): Uint8Array => {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32LE(value)
  return bytes
}

const isSkippable = (magic: number) => magic >= skippableMagic && magic < skippableMagic + 16

/** Whether it begins with the magic number of an LZ4 frame of any flavour. */
export const isLz4Frame = (bytes: Uint8Array): boolean => {
  if (bytes.length < 4) return false
  const magic = u32At(bytes, 0)
  return magic === frameMagic || magic === legacyMagic || isSkippable(magic)
}

/**
 * Unpacks one frame, or several one after another as Longhorn's reader does, into at most `maxBytes`.
 * @throws Error when the frame is not valid, needs a dictionary, unpacks to more, or is followed by anything else.
 */
export const lz4FrameDecompress = (frame: Uint8Array, maxBytes: number): Uint8Array => {
  const output = Buffer.allocUnsafeSlow(maxBytes)
  let position: Position = { from: 0, at: 0 }
  do position = unpackFrame(frame, output, position)
  while (position.from < frame.length)
  return output.subarray(0, position.at)
}

/** How far the input has been read, and the output written. */
interface Position {
  from: number
  at: number
}

const unpackFrame = (input: Uint8Array, output: Uint8Array, { from, at }: Position): Position => {
  const magic = u32At(input, from)
  if (magic === frameMagic) return unpackModernFrame(input, output, { from: from + 4, at })
  if (magic === legacyMagic) return unpackLegacyFrame(input, output, { from: from + 4, at })
  if (isSkippable(magic)) return { from: from + 8 + part(input, from + 8, u32At(input, from + 4)).length, at }
  throw new Error('lz4 frame has a bad magic number')
}

const unpackModernFrame = (input: Uint8Array, output: Uint8Array, start: Position): Position => {
  const descriptor = readDescriptor(input, start.from)
  let from = descriptor.end
  let at = start.at
  for (let word = u32At(input, from); word !== 0; word = u32At(input, from)) {
    const size = word & ~rawBlock
    if (size > descriptor.maxBlockBytes) throw new Error('lz4 block is longer than its frame allows')
    const content = part(input, from + 4, size)
    from += 4 + size
    if (descriptor.hasBlockChecksums) {
      if (u32At(input, from) !== checksum(content)) throw new Error('lz4 block has a wrong checksum')
      from += 4
    }
    const limit = Math.min(at + descriptor.maxBlockBytes, output.length)
    if (word >= rawBlock) at = copyRaw(content, output, at, limit)
    else {
      const floor = descriptor.isLinked ? start.at : at
      at = unpackLz4Block({ bytes: content, from: 0, to: size }, { bytes: output, at, floor, limit })
    }
  }
  return { from: checkContent(input, from + 4, descriptor, output.subarray(start.at, at)), at }
}

const copyRaw = (content: Uint8Array, output: Uint8Array, at: number, limit: number): number => {
  if (content.length > limit - at) throw new Error('lz4 block unpacks to more than it may')
  output.set(content, at)
  return at + content.length
}

const checkContent = (
  input: Uint8Array,
  from: number,
  descriptor: Descriptor,
  content: Uint8Array,
): number => {
  if (descriptor.contentBytes !== undefined && descriptor.contentBytes !== BigInt(content.length)) {
    throw new Error(`lz4 frame says it has ${descriptor.contentBytes} bytes but has ${content.length}`)
  }
  if (!descriptor.hasContentChecksum) return from
  if (u32At(input, from) !== checksum(content)) throw new Error('lz4 frame has a wrong content checksum')
  return from + 4
}

interface Descriptor {
  isLinked: boolean
  hasBlockChecksums: boolean
  hasContentChecksum: boolean
  contentBytes: bigint | undefined
  maxBlockBytes: number
  end: number
}

/** Block size ids 4 to 7. */
const blockSizes = [64 * KiB, 256 * KiB, MiB, 4 * MiB]

const readDescriptor = (input: Uint8Array, from: number): Descriptor => {
  const [flags = 0, blockFlags = 0] = part(input, from, 2)
  const maxBlockBytes = blockSizes[((blockFlags >> 4) & 7) - 4]
  if (flags >> 6 !== 1 || (flags & 0b10) !== 0 || (blockFlags & 0b1000_1111) !== 0 || !maxBlockBytes) {
    throw new Error('lz4 frame is of an unknown version')
  }
  if ((flags & 1) !== 0) throw new Error('lz4 frame needs a dictionary')
  const end = from + ((flags & 0b1000) !== 0 ? 10 : 2)
  if (part(input, end, 1)[0] !== ((checksum(input.subarray(from, end)) >> 8) & 0xff)) {
    throw new Error('lz4 frame has a wrong header checksum')
  }
  return {
    isLinked: (flags & 0b10_0000) === 0,
    hasBlockChecksums: (flags & 0b1_0000) !== 0,
    hasContentChecksum: (flags & 0b100) !== 0,
    contentBytes: end === from + 10 ? viewOf(input).getBigUint64(from + 2, true) : undefined,
    maxBlockBytes,
    end: end + 1,
  }
}

/** Legacy frames end with the input, or where no size but another frame's magic number stands. */
const legacyBlockBytes = 8 * MiB

const unpackLegacyFrame = (input: Uint8Array, output: Uint8Array, start: Position): Position => {
  let { from, at } = start
  while (from < input.length) {
    const size = u32At(input, from)
    if (size > 2 * legacyBlockBytes) break
    const bytes = part(input, from + 4, size)
    const limit = Math.min(at + legacyBlockBytes, output.length)
    at = unpackLz4Block({ bytes, from: 0, to: size }, { bytes: output, at, floor: at, limit })
    from += 4 + size
  }
  return { from, at }
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  new DataView(buffer, byteOffset, byteLength)

const part = (input: Uint8Array, from: number, length: number): Uint8Array => {
  if (length > input.length - from) throw new Error('lz4 frame is cut short')
  return input.subarray(from, from + length)
}

const u32At = (input: Uint8Array, from: number): number => {
  const [a = 0, b = 0, c = 0, d = 0] = part(input, from, 4)
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0
}

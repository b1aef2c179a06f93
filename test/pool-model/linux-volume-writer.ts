/**
 * @module linux-volume-writer: writes to an attached volume as its workload does, through a device or a file: buffered and
 * direct, and by the ways the kernel has to discard and to zero.
 */
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { createCipheriv } from 'node:crypto'
import koffi from 'koffi'
import { MiB } from '#lib/base/sizes.ts'
import { copiedContent } from './linux-contents.ts'
import { nextStamp, touch, type Image } from './volume-model.ts'

export const ioKinds = [
  'write',
  'rewrite',
  'write-zeros',
  'discard',
  'punch',
  'zero-range',
  'allocate',
] as const

/** Whatever its numbers, it fits into the volume. */
export interface Io {
  kind: (typeof ioKinds)[number]
  at: number
  lengthBytes: number
  alignBytes: number
  isDirect: boolean
  isSynced: boolean
}

export const mostIoBytes = 8 * MiB

const libc = koffi.load('libc.so.6')
const fallocate = libc.func('int fallocate(int fd, int mode, int64_t offset, int64_t length)') as (
  fd: number,
  mode: number,
  offset: number,
  length: number,
) => number
const ioctl = libc.func('int ioctl(int fd, unsigned long request, _Inout_ uint8_t *argument)') as (
  fd: number,
  request: number,
  argument: Uint8Array,
) => number

const succeeded = (what: string, result: number): void => {
  if (result < 0) throw new Error(`${what} failed with errno ${koffi.errno()}`)
}

/** linux/falloc.h, linux/fs.h */
const keepSize = 1
const punchHole = 2
const zeroRange = 16
const blockDiscard = 0x1277

const discardDevice = (fd: number, offsetBytes: number, lengthBytes: number): void =>
  succeeded(
    'BLKDISCARD',
    ioctl(
      fd,
      blockDiscard,
      new Uint8Array(BigUint64Array.of(BigInt(offsetBytes), BigInt(lengthBytes)).buffer),
    ),
  )

const zeros = Buffer.alloc(mostIoBytes)

/** Of the same stamp the same, of another another. */
const randomBytes = (by: number, lengthBytes: number): Buffer => {
  const start = Buffer.alloc(16)
  start.writeUInt32BE(by)
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, 'drover'), start).update(
    zeros.subarray(0, lengthBytes),
  )
}

const rangeOf = (io: Io, sizeBytes: number, leastAlign: number): [number, number] => {
  const align = Math.max(io.alignBytes, leastAlign)
  const length = Math.max(align, Math.floor(Math.min(io.lengthBytes, sizeBytes) / align) * align)
  return [Math.floor((io.at % (sizeBytes - length + 1)) / align) * align, length]
}

export interface VolumeWriter {
  /** To the volume, and to what the model has of it. */
  apply(io: Io, image: Image): Promise<void>
  close(): Promise<void>
}

interface Files {
  isDevice: boolean
  buffered: FileHandle
  direct: FileHandle
}

/** Direct I/O wants memory at the start of a page. */
const store = async (files: Files, { isDirect }: Io, data: Buffer, offsetBytes: number): Promise<void> => {
  const file = isDirect ? files.direct : files.buffered
  const from = isDirect ? copiedContent(data) : data
  const { bytesWritten } = await file.write(from, 0, data.length, offsetBytes)
  if (bytesWritten !== data.length) throw new Error(`${bytesWritten} of ${data.length} bytes written`)
}

/** Without data: what becomes of the range is zeros, but for an allocation, which changes nothing. */
const clear = (
  { isDevice, buffered: { fd } }: Files,
  io: Io,
  offset: number,
  length: number,
): 'zeros' | 'same' => {
  if (io.kind === 'discard' && isDevice) discardDevice(fd, offset, length)
  else if (io.kind === 'allocate' && !isDevice) {
    succeeded('fallocate', fallocate(fd, keepSize, offset, length))
    return 'same'
  } else {
    const mode = io.kind === 'zero-range' || io.kind === 'allocate' ? zeroRange : punchHole
    succeeded('fallocate', fallocate(fd, mode | keepSize, offset, length))
  }
  return 'zeros'
}

const dataOf = (io: Io, by: number, current: Buffer): Buffer | undefined => {
  if (io.kind === 'write') return randomBytes(by, current.length)
  if (io.kind === 'rewrite') return Buffer.from(current)
  return io.kind === 'write-zeros' ? zeros.subarray(0, current.length) : undefined
}

/** Its files stay open, and what was not synced in memory, until it is closed. */
export const volumeWriter = async (path: string, sectorSizeBytes: number): Promise<VolumeWriter> => {
  const buffered = await open(path, constants.O_RDWR)
  const direct = await open(path, constants.O_RDWR | constants.O_DIRECT)
  const isDevice = (await buffered.stat()).isBlockDevice()
  const files = { isDevice, buffered, direct }
  const leastAlignFor = ({ kind, isDirect }: Io) => {
    const isWrite = kind === 'write' || kind === 'rewrite' || kind === 'write-zeros'
    if (isWrite) return isDirect ? (isDevice ? sectorSizeBytes : 4096) : 1
    return isDevice ? sectorSizeBytes : 1
  }
  return {
    apply: async (io, image) => {
      const [offset, length] = rangeOf(io, image.content.length, leastAlignFor(io))
      const by = nextStamp()
      const current = image.content.subarray(offset, offset + length)
      const data = dataOf(io, by, current)
      if (data) await store(files, io, data, offset)
      const outcome = data ? 'data' : clear(files, io, offset, length)
      if (io.isSynced) await buffered.sync()
      if (data) data.copy(current)
      if (outcome === 'zeros') current.fill(0)
      touch(image, offset, length, by)
    },
    close: async () => {
      await buffered.close()
      await direct.close()
    },
  }
}

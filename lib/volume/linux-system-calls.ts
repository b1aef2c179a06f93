/**
 * @module linux-system-calls: what Node has no function for: flock(2), and ioctl(2) as far as volumes need it.
 *
 * Numbers are those of the kernel's headers, the same on x86-64 and arm64: linux/fs.h, linux/fiemap.h, linux/btrfs.h.
 */
import { open } from 'node:fs/promises'
import koffi from 'koffi'
import { VolumeError } from './volume-error.ts'

type Ioctl = (fd: number, request: number, argument: Uint8Array) => number
type Flock = (fd: number, operation: number) => number

interface Calls {
  ioctl: Ioctl
  flock: Flock
}

let loaded: Calls | undefined

const calls = (): Calls => {
  if (process.platform !== 'linux')
    throw new VolumeError('unsupported', `volumes need Linux, this is ${process.platform}`)
  if (!loaded) {
    const libc = koffi.load('libc.so.6')
    loaded = {
      ioctl: libc.func('int ioctl(int fd, unsigned long request, _Inout_ uint8_t *argument)') as Ioctl,
      flock: libc.func('int flock(int fd, int operation)') as Flock,
    }
  }
  return loaded
}

const wouldBlock = 11
const lockExclusive = 2
const lockNonBlocking = 4

/** Until the file is closed, also by the end of the process. `false`: another process has it. */
export const tryLockFile = (fd: number): boolean => {
  if (calls().flock(fd, lockExclusive | lockNonBlocking) === 0) return true
  if (koffi.errno() === wouldBlock) return false
  throw new VolumeError('host-failed', `flock failed with errno ${koffi.errno()}`)
}

const ioctl = (what: string, fd: number, request: number, argument: Uint8Array): void => {
  // Some answer with a positive number when all is well, as BTRFS_IOC_GET_SUBVOL_INFO does now and then.
  if (calls().ioctl(fd, request, argument) >= 0) return
  throw new VolumeError('host-failed', `${what} failed with errno ${koffi.errno()}`)
}

const getVersion = 0x80087601
const getSubvolumeInfo = 0x81f8943c
const subvolumeInfoBytes = 504
const subvolumeUuidAt = 296

const withFile = async <T>(path: string, use: (fd: number) => T): Promise<T> => {
  const file = await open(path, 'r')
  try {
    return use(file.fd)
  } finally {
    await file.close()
  }
}

/** Changes when an inode number is given to another file. */
export const inodeGeneration = (path: string): Promise<number> =>
  withFile(path, (fd) => {
    const argument = Buffer.alloc(8)
    ioctl(`FS_IOC_GETVERSION of ${path}`, fd, getVersion, argument)
    return argument.readUInt32LE(0)
  })

/** Of the Btrfs subvolume that a path is in. */
export const subvolumeUuid = (path: string): Promise<string> =>
  withFile(path, (fd) => {
    const argument = Buffer.alloc(subvolumeInfoBytes)
    ioctl(`BTRFS_IOC_GET_SUBVOL_INFO of ${path}`, fd, getSubvolumeInfo, argument)
    return argument.toString('hex', subvolumeUuidAt, subvolumeUuidAt + 16)
  })

/** Physical place of a part of a file. Source: linux/fiemap.h. */
export interface PhysicalExtent {
  offsetBytes: number
  lengthBytes: number
  physicalBytes: number
  flags: number
}

const fiemap = 0xc020660b
const headerBytes = 32
const extentBytes = 56
const extentsAtOnce = 4096
/** What was written but has no place yet gets one first. */
const syncFirst = 1
export const lastExtent = 1

const extentAt = (answer: Buffer, index: number): PhysicalExtent => {
  const at = headerBytes + index * extentBytes
  return {
    offsetBytes: Number(answer.readBigUInt64LE(at)),
    physicalBytes: Number(answer.readBigUInt64LE(at + 8)),
    lengthBytes: Number(answer.readBigUInt64LE(at + 16)),
    flags: answer.readUInt32LE(at + 40),
  }
}

/** The extents of an open file from an offset on, ascending; a call of the system for each 4,096, with a turn for others between. */
export const physicalExtents = async function* (fd: number, path: string): AsyncGenerator<PhysicalExtent> {
  const answer = Buffer.alloc(headerBytes + extentsAtOnce * extentBytes)
  let from = 0n
  for (;;) {
    answer.fill(0, 0, headerBytes)
    answer.writeBigUInt64LE(from, 0)
    answer.writeBigUInt64LE(0xffff_ffff_ffff_ffffn - from, 8)
    answer.writeUInt32LE(syncFirst, 16)
    answer.writeUInt32LE(extentsAtOnce, 24)
    ioctl(`FIEMAP of ${path}`, fd, fiemap, answer)
    const count = answer.readUInt32LE(20)
    if (count === 0) return
    let last: PhysicalExtent | undefined
    for (let index = 0; index < count; index++) {
      last = extentAt(answer, index)
      yield last
    }
    if (!last || (last.flags & lastExtent) !== 0) return
    from = BigInt(last.offsetBytes + last.lengthBytes)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

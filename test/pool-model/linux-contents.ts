/**
 * @module linux-contents: memory for the contents of volumes, which processes that are started do not inherit.
 *
 * A pool starts programs all the time, and each start copies the page tables of all memory that the process has: with 400 MiB
 * of contents in it that takes ten times as long.
 */
import koffi from 'koffi'
import { GiB, KiB } from '#lib/base/sizes.ts'

/** Of addresses; memory is taken when it is written to. */
const arenaBytes = 2 * GiB

const libc = koffi.load('libc.so.6')
const mmap = libc.func(
  'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
) as (address: null, length: number, protection: number, flags: number, fd: number, offset: number) => unknown
const madvise = libc.func('int madvise(void *address, size_t length, int advice)') as (
  address: unknown,
  length: number,
  advice: number,
) => number

/** asm-generic/mman.h: PROT_READ | PROT_WRITE; MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE. */
const [readAndWrite, privateAndAnonymous, dontFork] = [0x3, 0x4022, 10]

const newArena = (): Buffer => {
  const address = mmap(null, arenaBytes, readAndWrite, privateAndAnonymous, -1, 0)
  if (madvise(address, arenaBytes, dontFork) !== 0)
    throw new Error(`madvise failed with errno ${koffi.errno()}`)
  return Buffer.from(koffi.view(address, arenaBytes))
}

const pageBytes = 4 * KiB

let arena: Buffer | undefined
let usedBytes = 0

/** At the start of a page, until all are forgotten; what is in it is left from others. */
export const roomForContent = (sizeBytes: number): Buffer => {
  arena ??= newArena()
  if (usedBytes + sizeBytes > arenaBytes) throw new Error('more contents than there is room for')
  const content = arena.subarray(usedBytes, usedBytes + sizeBytes)
  usedBytes += Math.ceil(sizeBytes / pageBytes) * pageBytes
  return content
}

/** With zeros up to the size. */
export const copiedContent = (content: Buffer, sizeBytes = content.length): Buffer => {
  const copy = roomForContent(sizeBytes)
  content.copy(copy)
  return copy.fill(0, content.length)
}

/** None that was given may be used after it. */
export const forgetContents = (): void => {
  usedBytes = 0
}

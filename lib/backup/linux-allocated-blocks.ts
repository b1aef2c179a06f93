/**
 * @module linux-allocated-blocks: which blocks of a sparse file were ever written, by lseek(2) SEEK_DATA and SEEK_HOLE, which Node does not have.
 */
import koffi from 'koffi'

const seekData = 3
const seekHole = 4
/** ENXIO: no data after this offset. */
const noMoreData = 6

type Seek = (fd: number, offset: number, whence: number) => number | bigint

const extentsOf = function* (fd: number): Generator<{ start: number; end: number }> {
  const seek = koffi.load('libc.so.6').func('int64_t lseek(int fd, int64_t offset, int whence)') as Seek
  let end = 0
  for (;;) {
    const start = Number(seek(fd, end, seekData))
    if (start < 0) {
      if (koffi.errno() === noMoreData) return
      throw new Error(`lseek SEEK_DATA failed with errno ${koffi.errno()}`)
    }
    end = Number(seek(fd, start, seekHole))
    yield { start, end }
  }
}

/** The blocks of an open regular file with any allocated byte, ascending. `undefined`: this platform cannot tell. */
export const allocatedBlocks = (
  fd: number,
  sizeBytes: number,
  blockSizeBytes: number,
): Uint32Array | undefined => {
  if (process.platform !== 'linux') return undefined
  const blocks: number[] = []
  for (const { start, end } of extentsOf(fd)) {
    const first = Math.max(Math.floor(start / blockSizeBytes), (blocks.at(-1) ?? -1) + 1)
    const last = Math.ceil(Math.min(end, sizeBytes) / blockSizeBytes)
    for (let index = first; index < last; index++) blocks.push(index)
  }
  return Uint32Array.from(blocks)
}

/**
 * @module linux-sparse-file: where a sparse file has data, by lseek(2) SEEK_DATA and SEEK_HOLE, which Node does not have.
 */
import koffi from 'koffi'

const seekData = 3
const seekHole = 4
/** ENXIO: no data after this offset. */
const noMoreData = 6

type Seek = (fd: number, offset: number, whence: number) => number | bigint

let seek: Seek | undefined

/** Of an open regular file on Linux, ascending. What was allocated but never written counts as a hole. */
export const dataExtents = function* (fd: number): Generator<{ offsetBytes: number; lengthBytes: number }> {
  seek ??= koffi.load('libc.so.6').func('int64_t lseek(int fd, int64_t offset, int whence)') as Seek
  let end = 0
  for (;;) {
    const start = Number(seek(fd, end, seekData))
    if (start < 0) {
      if (koffi.errno() === noMoreData) return
      throw new Error(`lseek SEEK_DATA failed with errno ${koffi.errno()}`)
    }
    end = Number(seek(fd, start, seekHole))
    yield { offsetBytes: start, lengthBytes: end - start }
  }
}

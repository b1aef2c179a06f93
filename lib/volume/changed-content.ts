/**
 * @module changed-content: what of two files differs, found by reading both.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { gathered } from '#lib/base/gathered.ts'
import { MiB } from '#lib/base/sizes.ts'
import { extentUnitBytes, joined, type Extent } from './extents.ts'

const chunkBytes = 4 * MiB

/** What lies beyond the end is zeros. */
const readFully = async (file: FileHandle, buffer: Buffer, offsetBytes: number): Promise<Buffer> => {
  let done = 0
  while (done < buffer.length) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, offsetBytes + done)
    if (bytesRead === 0) return buffer.fill(0, done)
    done += bytesRead
  }
  return buffer
}

const differingUnits = function* (a: Buffer, b: Buffer, offsetBytes: number): Generator<Extent> {
  if (a.equals(b)) return
  for (let at = 0; at < a.length; at += extentUnitBytes) {
    const end = Math.min(at + extentUnitBytes, a.length)
    if (a.compare(b, at, end, at, end) !== 0) yield { offsetBytes: offsetBytes + at, lengthBytes: end - at }
  }
}

/** The parts of `within`, whole units, in which two files differ; ascending, not joined. */
export const changedContent = async function* (
  basePath: string,
  path: string,
  within: Iterable<Extent> | AsyncIterable<Extent>,
): AsyncGenerator<Extent> {
  const [base, file] = [await open(basePath, 'r'), await open(path, 'r')]
  try {
    const [ours, theirs] = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)]
    for await (const { offsetBytes, lengthBytes } of within) {
      const end = offsetBytes + lengthBytes
      for (let at = offsetBytes; at < end; at += chunkBytes) {
        const count = Math.min(chunkBytes, end - at)
        yield* differingUnits(
          await readFully(base, theirs.subarray(0, count), at),
          await readFully(file, ours.subarray(0, count), at),
          at,
        )
      }
    }
  } finally {
    await base.close()
    await file.close()
  }
}

/** All of two files, as whole units joined. */
export const changedFile = async function* (
  basePath: string,
  path: string,
  sizeBytes: number,
): AsyncGenerator<Extent> {
  const within = [{ offsetBytes: 0, lengthBytes: sizeBytes }]
  yield* joined(await gathered(changedContent(basePath, path, within)), sizeBytes)
}

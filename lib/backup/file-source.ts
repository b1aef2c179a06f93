/**
 * @module file-source: a file or block device as the source of a backup.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { dataExtents } from '#lib/base/linux-sparse-file.ts'
import { blocksOf, joined } from '#lib/volume/extents.ts'
import { BackupError } from './backup-error.ts'
import type { BlockSource } from './block-source.ts'
import type { BlockWorkers } from './block-workers.ts'

/** Size of a file or block device; a device's `stat` says 0, so its end is looked for. */
export const sizeOf = async (file: FileHandle): Promise<number> => {
  const stat = await file.stat()
  return stat.isBlockDevice() ? deviceSize(file) : stat.size
}

/** Whether a byte can be read at an offset. */
const hasByteAt = async (file: FileHandle, offsetBytes: number): Promise<boolean> =>
  (await file.read(Buffer.alloc(1), 0, 1, offsetBytes)).bytesRead === 1

/** By bisection, 50 reads of a byte: needs no ioctl, and works for every kind of device. */
const deviceSize = async (file: FileHandle): Promise<number> => {
  let [low, high] = [0, 2 ** 50]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (await hasByteAt(file, middle)) low = middle + 1
    else high = middle
  }
  return low
}

/** Opens a file or block device for reading. @throws BackupError `source-missing`. */
export const fileSource = async (path: string, workers: BlockWorkers): Promise<BlockSource> => {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new BackupError('source-missing', `cannot read ${path}`, {
      cause,
      hint: 'check the path, and that you may read it',
    })
  })
  const before = await file.stat({ bigint: true })
  if (!before.isFile() && !before.isBlockDevice()) {
    await file.close()
    throw new BackupError('source-missing', `${path} is neither a file nor a block device`)
  }
  const sizeBytes = await sizeOf(file)
  return {
    description: path,
    sizeBytes,
    allocatedBlocks: async (blockSizeBytes) =>
      before.isFile() && process.platform === 'linux'
        ? blocksOf(joined(dataExtents(file.fd), sizeBytes), blockSizeBytes)
        : undefined,
    read: (request) =>
      workers.run({ kind: 'read', fd: file.fd, ...request }).catch((cause: unknown) => {
        const at = request.index * request.blockSizeBytes
        throw new BackupError('source-failed', `reading ${path} at byte ${at} failed`, {
          cause,
          hint: 'look at the kernel log for I/O errors',
        })
      }),
    hasChanged: async () => {
      const after = await file.stat({ bigint: true })
      return before.isFile() && (after.mtimeNs !== before.mtimeNs || after.size !== before.size)
    },
    close: () => file.close(),
  }
}

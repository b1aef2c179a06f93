/**
 * @module block-task: the work on one block that costs CPU, done by block-worker.ts on a thread of its own:
 * reading, hashing, compressing; decompressing, verifying, writing.
 */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { compressBlock, openBlock, zeroBlockChecksum, type CompressionMethod } from '#lib/backupstore/block.ts'
import { checksumOf } from '#lib/backupstore/checksum.ts'
import type { ReadBlock, ReadRequest } from './block-source.ts'
import type { BlockToOpen } from './restore-target.ts'

export type BlockTask =
  | ({ kind: 'read'; path: string } & ReadRequest)
  | { kind: 'hash'; path: string; index: number; blockSizeBytes: number }
  | { kind: 'write'; path: string; block: BlockToOpen; indexes: readonly number[] }
  | { kind: 'zero'; path: string; index: number; blockSizeBytes: number }
  | { kind: 'check'; block: BlockToOpen }

export interface TaskResults {
  read: ReadBlock
  hash: string
  write: undefined
  zero: undefined
  check: undefined
}

export interface TaskFiles {
  reading(path: string): number
  writing(path: string): number
  /** A buffer of at least a block, used again by the next task. */
  buffer(sizeBytes: number): Buffer
  close(): void
}

export const taskFiles = (): TaskFiles => {
  const open = new Map<string, number>()
  let scratch = Buffer.alloc(0)
  const descriptor = (path: string, flags: number): number => {
    const key = `${flags} ${path}`
    const found = open.get(key) ?? openSync(path, flags)
    open.set(key, found)
    return found
  }
  return {
    reading: (path) => descriptor(path, constants.O_RDONLY),
    writing: (path) => descriptor(path, constants.O_RDWR),
    buffer: (sizeBytes) => {
      if (scratch.length < sizeBytes) scratch = Buffer.allocUnsafeSlow(sizeBytes)
      return scratch.subarray(0, sizeBytes)
    },
    close: () => {
      for (const fd of open.values()) closeSync(fd)
    },
  }
}

/** Fills the buffer; what lies beyond the end of the file is zeros. */
const fill = (fd: number, buffer: Buffer, offsetBytes: number): Buffer => {
  let done = 0
  while (done < buffer.length) {
    const read = readSync(fd, buffer, done, buffer.length - done, offsetBytes + done)
    if (read === 0) return buffer.fill(0, done)
    done += read
  }
  return buffer
}

const writeAll = (fd: number, data: Uint8Array, offsetBytes: number): void => {
  let done = 0
  while (done < data.length) done += writeSync(fd, data, done, data.length - done, offsetBytes + done)
}

/** Hashes a block and, unless nothing will be sent, compresses it. */
export const packBlock = (data: Uint8Array, method: CompressionMethod, skipIf?: string): ReadBlock => {
  const checksum = checksumOf(data)
  return checksum === skipIf ? { checksum } : { checksum, stored: compressBlock(data, method) }
}

type Perform = { [Kind in BlockTask['kind']]: (task: Extract<BlockTask, { kind: Kind }>, files: TaskFiles) => TaskResults[Kind] }

const perform: Perform = {
  read: (task, files) => {
    const data = fill(files.reading(task.path), files.buffer(task.blockSizeBytes), task.index * task.blockSizeBytes)
    const packed = packBlock(data, task.method, task.skipIf)
    // With `none` what is stored is the buffer itself, which the next task overwrites.
    return packed.stored?.buffer === data.buffer ? { ...packed, stored: packed.stored.slice() } : packed
  },
  hash: (task, files) =>
    checksumOf(fill(files.reading(task.path), files.buffer(task.blockSizeBytes), task.index * task.blockSizeBytes)),
  write: (task, files) => {
    const data = openBlock(task.block)
    for (const index of task.indexes) writeAll(files.writing(task.path), data, index * task.block.blockSizeBytes)
    return undefined
  },
  zero: (task, files) => {
    const offsetBytes = task.index * task.blockSizeBytes
    const buffer = fill(files.writing(task.path), files.buffer(task.blockSizeBytes), offsetBytes)
    if (checksumOf(buffer) !== zeroBlockChecksum(task.blockSizeBytes)) writeAll(files.writing(task.path), buffer.fill(0), offsetBytes)
    return undefined
  },
  check: (task) => {
    openBlock(task.block)
    return undefined
  },
}

/** @throws whatever the file system says, BackupstoreError `invalid-block`. */
export const performBlockTask = (task: BlockTask, files: TaskFiles): TaskResults[BlockTask['kind']] =>
  (perform[task.kind] as (task: BlockTask, files: TaskFiles) => TaskResults[BlockTask['kind']])(task, files)

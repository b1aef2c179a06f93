/**
 * @module block-task: the work on one block that costs CPU, done by block-worker.ts on a thread of its own:
 * reading, hashing, compressing; decompressing, verifying, writing. File descriptors belong to the process, so a thread uses
 * the one that the caller opened and closes.
 */
import { readSync, writeSync } from 'node:fs'
import {
  compressBlock,
  openBlock,
  zeroBlockChecksum,
  type CompressionMethod,
} from '#lib/backupstore/block.ts'
import { checksumOf } from '#lib/backupstore/checksum.ts'
import { freeMemory } from './block-memory.ts'
import type { ReadBlock, ReadRequest } from './block-source.ts'
import type { BlockToOpen } from './restore-target.ts'

export type BlockTask =
  | ({ kind: 'read'; fd: number } & ReadRequest)
  | { kind: 'hash'; fd: number; index: number; blockSizeBytes: number }
  | { kind: 'write'; fd: number; block: BlockToOpen; indexes: readonly number[] }
  | { kind: 'zero'; fd: number; index: number; blockSizeBytes: number }
  | { kind: 'check'; block: BlockToOpen }

export interface TaskResults {
  read: ReadBlock
  hash: string
  write: undefined
  zero: undefined
  check: undefined
}

/** A buffer of at least a block, used again by a thread's next task. */
export type Scratch = (sizeBytes: number) => Buffer

export const scratchBuffer = (): Scratch => {
  let scratch = Buffer.alloc(0)
  return (sizeBytes) => {
    if (scratch.length < sizeBytes) scratch = Buffer.allocUnsafeSlow(sizeBytes)
    return scratch.subarray(0, sizeBytes)
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

type Performers = {
  [Kind in BlockTask['kind']]: (
    task: Extract<BlockTask, { kind: Kind }>,
    scratch: Scratch,
  ) => TaskResults[Kind]
}

const performers: Performers = {
  read: (task, scratch) => {
    const data = fill(task.fd, scratch(task.blockSizeBytes), task.index * task.blockSizeBytes)
    // With `none` what is stored is the scratch buffer itself: it moves away with the answer, and the next task gets another.
    return packBlock(data, task.method, task.skipIf)
  },
  hash: (task, scratch) =>
    checksumOf(fill(task.fd, scratch(task.blockSizeBytes), task.index * task.blockSizeBytes)),
  write: (task) => {
    const data = openBlock(task.block)
    for (const index of task.indexes) writeAll(task.fd, data, index * task.block.blockSizeBytes)
    freeMemory(task.block.bytes)
    freeMemory(data)
    return undefined
  },
  zero: (task, scratch) => {
    const offsetBytes = task.index * task.blockSizeBytes
    const buffer = fill(task.fd, scratch(task.blockSizeBytes), offsetBytes)
    if (checksumOf(buffer) !== zeroBlockChecksum(task.blockSizeBytes))
      writeAll(task.fd, buffer.fill(0), offsetBytes)
    return undefined
  },
  check: (task) => {
    freeMemory(openBlock(task.block))
    freeMemory(task.block.bytes)
    return undefined
  },
}

/** @throws whatever the file system says, BackupstoreError `invalid-block`. */
export const performBlockTask = (task: BlockTask, scratch: Scratch): TaskResults[BlockTask['kind']] => {
  switch (task.kind) {
    case 'read':
      return performers.read(task, scratch)
    case 'hash':
      return performers.hash(task, scratch)
    case 'write':
      return performers.write(task, scratch)
    case 'zero':
      return performers.zero(task, scratch)
    case 'check':
      return performers.check(task, scratch)
    default:
      return task satisfies never
  }
}

/**
 * @module memory-volume: a volume in memory, as source and as target, for tests and for simulations of thousands of runs:
 * the same codecs as block-task.ts, without threads and without a file system.
 */
import { openBlock, zeroBlockChecksum } from '#lib/backupstore/block.ts'
import { checksumOf } from '#lib/backupstore/checksum.ts'
import { packBlock } from './block-task.ts'
import type { BlockSource } from './block-source.ts'
import type { RestoreTarget } from './restore-target.ts'

/** Blocks that are all zeros count as never allocated. */
export const memorySource = (content: Uint8Array): BlockSource => {
  const block = (index: number, sizeBytes: number) =>
    content.subarray(index * sizeBytes, (index + 1) * sizeBytes)
  return {
    description: 'memory',
    sizeBytes: content.length,
    allocatedBlocks: async (blockSizeBytes) =>
      Uint32Array.from({ length: content.length / blockSizeBytes }, (_, index) => index).filter(
        (index) => checksumOf(block(index, blockSizeBytes)) !== zeroBlockChecksum(blockSizeBytes),
      ),
    read: async ({ index, blockSizeBytes, method, skipIf }) => {
      const packed = packBlock(block(index, blockSizeBytes), method, skipIf)
      return packed.stored ? { ...packed, stored: packed.stored.slice() } : packed
    },
    hasChanged: async () => false,
    close: async () => {},
  }
}

/** A target whose `content()` is what was restored. */
export const memoryTarget = (existing?: Uint8Array): RestoreTarget & { content: () => Uint8Array } => {
  let content = existing?.slice() ?? new Uint8Array(0)
  return {
    description: 'memory',
    isNew: existing === undefined,
    prepare: async (sizeBytes) => {
      const sized = new Uint8Array(sizeBytes)
      sized.set(content.subarray(0, sizeBytes))
      content = sized
    },
    write: async (block, indexes) => {
      const data = openBlock(block)
      for (const index of indexes) content.set(data, index * block.blockSizeBytes)
    },
    checksum: async (index, sizeBytes) => {
      const data = new Uint8Array(sizeBytes)
      data.set(content.subarray(index * sizeBytes, (index + 1) * sizeBytes))
      return checksumOf(data)
    },
    zero: async (index, sizeBytes) => {
      content.fill(0, index * sizeBytes, (index + 1) * sizeBytes)
    },
    finish: async () => {},
    abandon: async () => {},
    content: () => content,
  }
}

/**
 * @module restore-target: where a restore writes: a file or a device.
 */
import type { StoredBlock } from '#lib/backupstore/block.ts'

/** A block as it came from the store, and what it must turn out to be. */
export type BlockToOpen = StoredBlock & { checksum: string }

export interface RestoreTarget {
  readonly description: string
  /** Whether it is new, so that what is never written reads as zeros. */
  readonly isNew: boolean
  /** Before anything is written: makes room for the volume. @throws BackupError `target-size`. */
  prepare(sizeBytes: number): Promise<void>
  /** Decompresses, verifies, then writes a block at each of the indexes. @throws BackupstoreError `invalid-block`. */
  write(block: BlockToOpen, indexes: readonly number[]): Promise<void>
  /** The checksum of what is there; what is beyond the end counts as zeros. */
  checksum(index: number, blockSizeBytes: number): Promise<string>
  /** Makes it zeros; writes only where it is not zeros yet, so that holes stay holes. */
  zero(index: number, blockSizeBytes: number): Promise<void>
  /** Durable, and under its final name. */
  finish(): Promise<void>
  /** Gives up: what is new is removed, what existed stays as far as it was written. */
  abandon(): Promise<void>
}

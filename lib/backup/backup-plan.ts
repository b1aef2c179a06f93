/**
 * @module backup-plan: which blocks of a source a backup reads, and which it takes over from its base unread. Pure.
 */
import { positionOf, type BlockList } from '#lib/backupstore/block-list.ts'

export interface BackupPlanInput {
  /** Blocks in the source. */
  blockCount: number
  /** The last backup's list, or one that the caller vouches for. */
  base: BlockList | undefined
  /** From the source; `undefined`: not known. */
  allocated: Uint32Array | undefined
  /** Every block that may differ from the base, vouched for by the caller. `undefined`: compare all. */
  changed: Uint32Array | undefined
  /** Whether the store's copy of the base's block at a position is known to be bad. */
  isBad: (position: number) => boolean
}

export interface BackupPlan {
  /** Positions in the base's list. */
  keep: number[]
  /** Indexes, ascending. */
  read: Uint32Array
}

/**
 * Blocks that are not allocated are in neither part: they drop out of the backup, and a restore makes them zeros.
 * A block that the base lacks though it is allocated, and that the caller did not name, is read: a mistake costs a read, not data.
 */
export const planBackup = ({ blockCount, base, allocated, changed, isBad }: BackupPlanInput): BackupPlan => {
  const changedBlocks = changed && new Set(changed)
  const keep: number[] = []
  const read: number[] = []
  const candidates = allocated ?? Uint32Array.from({ length: blockCount }, (_, index) => index)
  for (const index of candidates) {
    const position = base ? positionOf(base, index) : -1
    const isNamed = !changedBlocks || changedBlocks.has(index)
    if (!isNamed && position >= 0 && !isBad(position)) keep.push(position)
    else if (isNamed || position >= 0 || allocated) read.push(index)
  }
  return { keep, read: Uint32Array.from(read) }
}

/**
 * @module restore-plan: which block goes where, each distinct one fetched once. Pure.
 */
import { checksumAt, type BlockList } from '#lib/backupstore/block-list.ts'
import { checksumSet } from '#lib/backupstore/checksum-set.ts'

export interface BlockPlaces {
  checksum: string
  /** Indexes in the volume, ascending. */
  indexes: number[]
}

/** The distinct checksums of a list in the order of their first index, with all their places among those wanted. */
export const placesOf = function* (
  list: BlockList,
  isWanted: (index: number) => boolean = () => true,
): Generator<BlockPlaces> {
  const seen = checksumSet(list.count)
  const repeated = new Map<string, number[]>()
  for (let position = 0; position < list.count; position++) {
    const checksum = checksumAt(list, position)
    if (isWanted(list.indexes[position] ?? 0) && !seen.add(checksum)) repeated.set(checksum, [])
  }
  for (const [position, index] of list.indexes.entries())
    if (isWanted(index)) repeated.get(checksumAt(list, position))?.push(index)
  for (const [position, index] of list.indexes.entries()) {
    if (!isWanted(index)) continue
    const checksum = checksumAt(list, position)
    const all = repeated.get(checksum)
    if (!all) yield { checksum, indexes: [index] }
    else if (all[0] === index) yield { checksum, indexes: all }
  }
}

/** The indexes below `blockCount` that a list does not name. */
export const gapsOf = function* (list: BlockList, blockCount: number): Generator<number> {
  let position = 0
  for (let index = 0; index < blockCount; index++) {
    if (list.indexes[position] === index) position++
    else yield index
  }
}

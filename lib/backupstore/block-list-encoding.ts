/**
 * @module block-list-encoding: the entries of `Blocks` in a backup's config, as text, in pieces.
 */
import { checksumAt, type BlockList } from './block-list.ts'

const entry = (offset: number, checksum: string): string =>
  `{"Offset":${offset},"BlockChecksum":"${checksum}"}`
const entryCharsWithoutOffset = entry(0, '0'.repeat(64)).length - 1

const offsetAt = ({ indexes, blockSizeBytes }: BlockList, position: number): number =>
  (indexes[position] ?? 0) * blockSizeBytes

/** How long all the pieces are together; all of it is ASCII. */
export const encodedBlocksBytes = (list: BlockList): number => {
  if (list.count === 0) return 0
  let bytes = list.count * (entryCharsWithoutOffset + 1) - 1
  for (let position = 0; position < list.count; position++) bytes += String(offsetAt(list, position)).length
  return bytes
}

const pieceChars = 64 * 1024

/** The entries with commas between them, in pieces of about 64 KiB. */
export function* encodedBlocks(list: BlockList): Generator<string> {
  let text = ''
  for (let position = 0; position < list.count; position++) {
    text += `${position === 0 ? '' : ','}${entry(offsetAt(list, position), checksumAt(list, position))}`
    if (text.length < pieceChars) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

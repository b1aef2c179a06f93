/**
 * @module block-list-target: the `Blocks` of a backup's config, streamed into a BlockList and checked on the way.
 *
 * Go writes `Parameters`, which have the block size, before `Blocks`, but JSON has no order. So offsets are counted in units
 * of 2 MiB, which divides every block size there is, and the size is settled at the end.
 */
import { MiB } from '#lib/base/sizes.ts'
import { BackupstoreError } from './backupstore-error.ts'
import { blockListBuilder, type BlockList } from './block-list.ts'
import { isChecksum } from './checksum.ts'
import { invalidConfig, type Target } from './go-json-decoder.ts'
import { intTarget, stringTarget, structTarget } from './go-json-targets.ts'

const unitBytes = 2 * MiB

/** 32 TiB in blocks of 2 MiB. */
const maxBlocks = 16 * 1024 * 1024

export interface BlockListTarget {
  target: Target
  /** @throws BackupstoreError `invalid-config` for an offset that comes twice, or is no multiple of the block size. */
  finish(blockSizeBytes: number): BlockList
}

/** `key` is the config's, for messages. */
export const blockListTarget = (key: string): BlockListTarget => {
  let builder = blockListBuilder(unitBytes)
  let offset = 0
  let checksum = ''
  const begin = () => {
    offset = 0
    checksum = ''
  }
  const end = () => {
    if (!isChecksum(checksum))
      throw new Error(`has the BlockChecksum ${JSON.stringify(checksum.slice(0, 80))}, no 64 hex digits`)
    if (builder.count === maxBlocks) throw tooManyBlocks(key)
    builder.set(unitOf(offset), checksum)
  }
  const restart = () => {
    builder = blockListBuilder(unitBytes)
  }
  const fields = {
    Offset: intTarget((value) => void (offset = value)),
    BlockChecksum: stringTarget((text) => void (checksum = text)),
  }
  return {
    target: {
      kind: 'array',
      begin: restart,
      element: structTarget(fields, { begin, end }),
      end: () => {},
      setNull: restart,
    },
    finish: (blockSizeBytes) => {
      const list = builder.build((unit) => {
        throw invalidConfig(key, 'Blocks', `has the offset ${unit * unitBytes} twice`)
      })
      return inBlocks(list, blockSizeBytes, key)
    },
  }
}

const unitOf = (offset: number): number => {
  const unit = offset / unitBytes
  if (Number.isInteger(unit) && unit >= 0 && unit < 2 ** 32) return unit
  throw new Error(`has the Offset ${offset}, no multiple of ${unitBytes}`)
}

/** From units to blocks, in place. */
const inBlocks = (list: BlockList, blockSizeBytes: number, key: string): BlockList => {
  const unitsPerBlock = blockSizeBytes / unitBytes
  if (unitsPerBlock === 1) return list
  list.indexes.forEach((unit, position) => {
    if (unit % unitsPerBlock !== 0) {
      throw invalidConfig(
        key,
        'Blocks',
        `has the offset ${unit * unitBytes}, no multiple of the block size ${blockSizeBytes}`,
      )
    }
    list.indexes[position] = unit / unitsPerBlock
  })
  return { ...list, blockSizeBytes }
}

const tooManyBlocks = (key: string) =>
  new BackupstoreError('config-too-large', `${key} has more than ${maxBlocks} blocks`, {
    hint: 'volumes of more than 32 TiB (256 TiB with blocks of 16 MiB) are not supported',
  })

/**
 * @module send-blocks: makes sure that each block of a backup is in the store, sending as little as can be.
 *
 * What may be assumed to be there, under the lock and with the mark in place: the blocks in the base's list, and what this backup
 * sent. Any other is sent with put-if-absent; one answered "exists" is looked at again just before the commit, since a
 * deletion that began before our mark may have removed it since. Safe to repeat: blocks are named by their content.
 */
import { forEachConcurrently } from '#lib/base/concurrency.ts'
import { blockChecksumOf, type VolumeKeys } from '#lib/backupstore/keys.ts'
import { checksumAt, type BlockList } from '#lib/backupstore/block-list.ts'
import { checksumSet, type ChecksumSet } from '#lib/backupstore/checksum-set.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { freeOwnBlock } from './block-memory.ts'

export interface SendBlocksSettings {
  keys: VolumeKeys
  /** `full`: send even what is there, over it. */
  mode: 'incremental' | 'full'
  /** Assumed to be in the store, and sound. */
  assumed: ChecksumSet
  /** Known to be bad in the store: sent over it. */
  bad: ReadonlySet<string>
  /** In the store when a full backup began, to tell new from sent again. */
  present: ChecksumSet | undefined
  concurrency: number
  signal: AbortSignal | undefined
}

export interface SentTotals {
  newBlocks: number
  newBytes: number
  reSentBlocks: number
  reSentBytes: number
}

export interface SendBlocks {
  /** Whether it was sent by this very call. Takes `stored` over: its memory may be gone afterwards. */
  ensure(index: number, checksum: string, stored: Uint8Array): Promise<boolean>
  /** Just before the commit: HEADs what was answered "exists"; with `whole`, one flat listing for all of a list instead. */
  recheck(
    list: BlockList,
    whole: boolean,
    again: (index: number, checksum: string) => Promise<Uint8Array>,
  ): Promise<void>
  readonly totals: SentTotals
  /** Checksums of bad blocks that were sent again. */
  readonly repaired: readonly string[]
}

/** The checksums of all blocks of a volume, by one flat listing: a request for each 1,000. */
export const listBlocks = async (
  store: Pick<ObjectStore, 'list'>,
  keys: VolumeKeys,
  signal?: AbortSignal,
): Promise<ChecksumSet> => {
  const present = checksumSet()
  for await (const page of store.list(keys.blocksFolder, signal ? { signal } : {})) {
    for (const { key } of page.objects) {
      const checksum = blockChecksumOf(keys, key)
      if (checksum !== undefined) present.add(checksum)
    }
  }
  return present
}

export const sendBlocks = (
  store: ObjectStore,
  settings: SendBlocksSettings,
  sentBefore?: SentTotals,
): SendBlocks => {
  const { keys, mode, assumed, bad, present, signal } = settings
  const underWay = new Map<string, Promise<unknown>>()
  const done = checksumSet()
  const answeredExists = new Map<string, number>()
  const repaired: string[] = []
  const totals: SentTotals = sentBefore
    ? { ...sentBefore }
    : { newBlocks: 0, newBytes: 0, reSentBlocks: 0, reSentBytes: 0 }
  const options = signal ? { signal } : {}

  const overwrite = async (checksum: string, stored: Uint8Array, isNew: boolean) => {
    await store.put(keys.block(checksum), stored, options)
    totals[isNew ? 'newBlocks' : 'reSentBlocks'] += 1
    totals[isNew ? 'newBytes' : 'reSentBytes'] += stored.length
  }
  const putNew = async (index: number, checksum: string, stored: Uint8Array): Promise<boolean> => {
    const result = await store.put(keys.block(checksum), stored, {
      ...options,
      condition: { kind: 'absent' },
    })
    if (result.kind === 'refused') answeredExists.set(checksum, index)
    else {
      totals.newBlocks += 1
      totals.newBytes += stored.length
    }
    return result.kind === 'stored'
  }
  const send = async (index: number, checksum: string, stored: Uint8Array): Promise<boolean> => {
    const isBad = bad.has(checksum)
    if (mode !== 'full' && !isBad) return putNew(index, checksum, stored)
    await overwrite(checksum, stored, !isBad && present?.has(checksum) !== true)
    if (isBad) repaired.push(checksum)
    return true
  }
  const isThere = (checksum: string): boolean =>
    done.has(checksum) || (mode !== 'full' && !bad.has(checksum) && assumed.has(checksum))
  const ensure: SendBlocks['ensure'] = async (index, checksum, stored) => {
    if (isThere(checksum)) return false
    const other = underWay.get(checksum)
    if (other) {
      await other
      return false
    }
    const sending = send(index, checksum, stored)
    underWay.set(checksum, sending)
    try {
      const isSent = await sending
      done.add(checksum)
      // One that was refused may still be on its way: S3 answers before it has read all.
      if (isSent) freeOwnBlock(stored)
      return isSent
    } finally {
      underWay.delete(checksum)
    }
  }
  const sendAgain = async (
    index: number,
    checksum: string,
    again: (index: number, checksum: string) => Promise<Uint8Array>,
  ) => overwrite(checksum, await again(index, checksum), true)

  return {
    totals,
    repaired,
    ensure,
    recheck: async (list, whole, again) => {
      const limit = { limit: settings.concurrency, signal }
      if (!whole) {
        await forEachConcurrently(answeredExists, limit, async ([checksum, index]) => {
          if (!(await store.head(keys.block(checksum), options))) await sendAgain(index, checksum, again)
        })
        return
      }
      const listed = await listBlocks(store, keys, signal)
      await forEachConcurrently(list.indexes.entries(), limit, async ([position, index]) => {
        const checksum = checksumAt(list, position)
        if (listed.add(checksum)) await sendAgain(index, checksum, again)
      })
    },
  }
}

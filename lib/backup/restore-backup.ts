/**
 * @module restore-backup: writes a backup's volume into a file or device, every block verified before it is written.
 *
 * Takes no lock and needs no right to write to the store: a block that is deleted under it is an error that names the deletion.
 * Safe to repeat. Source: longhorn.md 3.2 and 3.3, docs/backupstore-format.md.
 */
import { forEachConcurrently } from '#lib/base/concurrency.ts'
import { MiB } from '#lib/base/sizes.ts'
import type { BackupConfig } from '#lib/backupstore/backup-config.ts'
import { requireBackup, requireVolumeConfig } from '#lib/backupstore/backup-volume.ts'
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import { compressionMethodOf, zeroBlockChecksum } from '#lib/backupstore/block.ts'
import { checksumAt, positionOf, type BlockList } from '#lib/backupstore/block-list.ts'
import { volumeKeys, type VolumeKeys } from '#lib/backupstore/keys.ts'
import type { VolumeConfig } from '#lib/backupstore/volume-config.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { BackupError } from './backup-error.ts'
import { fetchBlock, isBadBlock } from './fetch-block.ts'
import { requireRestorable } from './restorable.ts'
import { gapsOf, placesOf, type BlockPlaces } from './restore-plan.ts'
import type { RestoreTarget } from './restore-target.ts'

export interface RestoreBackupDeps {
  store: ObjectStore
}

export interface RestoreBackup {
  volumeName: string
  backupName: string
  target: RestoreTarget
  /** What the target was restored from earlier: only what differs is fetched. */
  fromBackupName?: string | undefined
  /** Goes on past blocks that are missing or damaged; they are zeros in the target, and named in the result. */
  salvage?: boolean | undefined
  concurrency?: number | undefined
  onProgress?: ((progress: RestoreProgress) => void) | undefined
  signal?: AbortSignal | undefined
}

export interface RestoreProgress {
  phase: 'comparing' | 'restoring'
  doneBytes: number
  totalBytes: number
}

export interface LostBlock {
  checksum: string
  offsetsBytes: number[]
  reason: string
}

export interface RestoreBackupResult {
  volumeName: string
  backupName: string
  volumeSizeBytes: number
  blockSizeBytes: number
  fetchedBlocks: number
  /** As stored. */
  fetchedBytes: number
  /** Blocks written, or made zeros. */
  writtenBlocks: number
  /** Blocks of the target that were not what `fromBackupName` says; they were put right. */
  driftedBlocks: number
  /** Only with `salvage`. */
  lost: LostBlock[]
}

interface Run {
  deps: RestoreBackupDeps
  command: RestoreBackup
  keys: VolumeKeys
  config: BackupConfig
  blockCount: number
  result: RestoreBackupResult
  limit: { limit: number; signal: AbortSignal | undefined }
}

/** The volume's present size: a backup made before it grew restores to it too, as Longhorn does. */
const checkBlocks = (config: BackupConfig, volume: VolumeConfig, key: string): void => {
  const { blockSizeBytes, indexes, count } = config.blocks
  if (volume.sizeBytes % blockSizeBytes !== 0) {
    throw new BackupstoreError(
      'invalid-config',
      `${key}: the volume's size ${volume.sizeBytes} is no whole number of blocks of ${blockSizeBytes}`,
    )
  }
  const last = count === 0 ? -1 : (indexes[count - 1] ?? 0)
  if (last * blockSizeBytes >= volume.sizeBytes) {
    throw new BackupstoreError(
      'invalid-config',
      `${key}: block at ${last * blockSizeBytes} lies beyond the volume's size ${volume.sizeBytes}`,
    )
  }
}

/** @throws BackupError `not-restorable`, `blocks-bad`, `backup-deleted`, `block-size-changed`, `target-…`; BackupstoreError; ObjectStoreError. */
export const restoreBackup =
  (deps: RestoreBackupDeps) =>
  async (command: RestoreBackup): Promise<RestoreBackupResult> => {
    const keys = volumeKeys(command.volumeName)
    const options = command.signal ? { signal: command.signal } : {}
    const config = await requireBackup(deps.store, keys, command.backupName, options)
    const volume = await requireVolumeConfig(deps.store, keys, options)
    requireRestorable(config, volume)
    checkBlocks(config, volume, keys.backupConfig(command.backupName))
    const from =
      command.fromBackupName === undefined
        ? undefined
        : await requireBackup(deps.store, keys, command.fromBackupName, options)
    checkSameBlockSize(config, from)

    const { blockSizeBytes } = config.blocks
    const run: Run = {
      deps,
      command,
      keys,
      config,
      blockCount: volume.sizeBytes / blockSizeBytes,
      limit: {
        limit: command.concurrency ?? Math.max(2, Math.min(8, (16 * MiB) / blockSizeBytes)),
        signal: command.signal,
      },
      result: {
        volumeName: command.volumeName,
        backupName: command.backupName,
        volumeSizeBytes: volume.sizeBytes,
        blockSizeBytes,
        fetchedBlocks: 0,
        fetchedBytes: 0,
        writtenBlocks: 0,
        driftedBlocks: 0,
        lost: [],
      },
    }
    await command.target.prepare(volume.sizeBytes)
    const differing = from && (await compareTarget(run, from.blocks))
    await writeBlocks(run, differing)
    await zeroGaps(run, differing)
    return run.result
  }

const checkSameBlockSize = (config: BackupConfig, from: BackupConfig | undefined): void => {
  if (!from || from.blocks.blockSizeBytes === config.blocks.blockSizeBytes) return
  throw new BackupError(
    'block-size-changed',
    `backup ${config.name} has blocks of ${config.blocks.blockSizeBytes} bytes, ${from.name} of ${from.blocks.blockSizeBytes}`,
    { hint: 'restore it in full' },
  )
}

const checksumIn = (list: BlockList, index: number, zeros: string): string => {
  const position = positionOf(list, index)
  return position < 0 ? zeros : checksumAt(list, position)
}

/** Hashes the whole target: the blocks that are not what the backup says must be written. */
const compareTarget = async (run: Run, from: BlockList): Promise<Set<number>> => {
  const { command, config, blockCount, result } = run
  const { blockSizeBytes } = config.blocks
  const zeros = zeroBlockChecksum(blockSizeBytes)
  const differing = new Set<number>()
  let done = 0
  await forEachConcurrently(Array(blockCount).keys(), run.limit, async (index) => {
    const there = await command.target.checksum(index, blockSizeBytes)
    if (there !== checksumIn(from, index, zeros)) result.driftedBlocks++
    if (there !== checksumIn(config.blocks, index, zeros)) differing.add(index)
    done++
    command.onProgress?.({
      phase: 'comparing',
      doneBytes: done * blockSizeBytes,
      totalBytes: blockCount * blockSizeBytes,
    })
  })
  return differing
}

const writeBlocks = async (run: Run, differing: Set<number> | undefined): Promise<void> => {
  const { command, config, result } = run
  const isWanted = (index: number) => differing?.has(index) ?? true
  const { blockSizeBytes } = config.blocks
  const totalBytes =
    config.blocks.indexes.reduce((count, index) => count + (isWanted(index) ? 1 : 0), 0) * blockSizeBytes
  let doneBytes = 0
  command.onProgress?.({ phase: 'restoring', doneBytes, totalBytes })
  await forEachConcurrently(placesOf(config.blocks, isWanted), run.limit, async (places) => {
    await writeBlock(run, places).catch((error: unknown) => loseBlock(run, places, error))
    result.writtenBlocks += places.indexes.length
    doneBytes += places.indexes.length * blockSizeBytes
    command.onProgress?.({ phase: 'restoring', doneBytes, totalBytes })
  })
}

const writeBlock = async (run: Run, { checksum, indexes }: BlockPlaces): Promise<void> => {
  const { deps, command, keys, config, result } = run
  const { blockSizeBytes } = config.blocks
  const key = keys.block(checksum)
  const method = compressionMethodOf(config.compressionMethod, keys.backupConfig(config.name))
  const stored = await fetchBlock(deps.store, key, blockSizeBytes, command.signal)
  result.fetchedBlocks++
  result.fetchedBytes += stored.length
  await command.target.write({ bytes: stored, method, blockSizeBytes, checksum, key }, indexes)
}

/** What cannot be had is made zeros and told of, if the caller wants the rest; else it ends the restore. */
const loseBlock = async (run: Run, { checksum, indexes }: BlockPlaces, error: unknown): Promise<void> => {
  const { deps, command, keys, config, result } = run
  if (!isBadBlock(error)) throw error
  const { blockSizeBytes } = config.blocks
  if (!(await deps.store.head(keys.backupConfig(config.name)))) {
    const what = `backup ${config.name} of volume ${config.volumeName} was deleted while it was restored`
    throw new BackupError('backup-deleted', what, { cause: error, hint: 'restore another backup' })
  }
  if (!command.salvage) throw error
  for (const index of indexes) await command.target.zero(index, blockSizeBytes)
  result.lost.push({
    checksum,
    offsetsBytes: indexes.map((index) => index * blockSizeBytes),
    reason: error.message,
  })
}

/** What the backup does not name is zeros: on a new target it is already, elsewhere it is made so. */
const zeroGaps = async (run: Run, differing: Set<number> | undefined): Promise<void> => {
  const { command, config, blockCount, result } = run
  if (command.target.isNew) return
  await forEachConcurrently(gapsOf(config.blocks, blockCount), run.limit, async (index) => {
    if (differing && !differing.has(index)) return
    await command.target.zero(index, config.blocks.blockSizeBytes)
    result.writtenBlocks++
  })
}

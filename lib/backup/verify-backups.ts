/**
 * @module verify-backups: reads every block of one backup, or of all of a volume, and keeps the list of bad ones, which the
 * next backup sends again. Takes no lock. Where it may not write, what it found is told all the same.
 */
import { rfc3339, type Clock } from '#lib/base/clock.ts'
import { forEachConcurrently } from '#lib/base/concurrency.ts'
import type { Log } from '#lib/base/log.ts'
import { MiB } from '#lib/base/sizes.ts'
import { readBadBlocks, updateBadBlocks, type BadBlock } from '#lib/backupstore/bad-blocks.ts'
import type { BackupConfig } from '#lib/backupstore/backup-config.ts'
import {
  backupMissing,
  listBackupNames,
  readBackup,
  readVolumeConfig,
  volumeMissing,
} from '#lib/backupstore/backup-volume.ts'
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import { compressionMethodOf } from '#lib/backupstore/block.ts'
import { checksumSet, type ChecksumSet } from '#lib/backupstore/checksum-set.ts'
import { isInProgress } from '#lib/backupstore/in-progress.ts'
import { volumeKeys, type VolumeKeys } from '#lib/backupstore/keys.ts'
import { ObjectStoreError, type ObjectStore } from '#lib/object-store/object-store.ts'
import { fetchBlock, isBadBlock } from './fetch-block.ts'
import { placesOf } from './restore-plan.ts'
import type { BlockToOpen } from './restore-target.ts'

export interface VerifyBackupsDeps {
  store: ObjectStore
  clock: Clock
  log: Log
  /** Decompresses and hashes. @throws BackupstoreError `invalid-block`. */
  check: (block: BlockToOpen) => Promise<void>
}

export interface VerifyBackups {
  volumeName: string
  /** Default: all committed backups of the volume. */
  backupName?: string | undefined
  concurrency?: number | undefined
  /** Where an earlier run was broken off: it goes on from there if the backups are still the same. */
  checkpoint?: VerifyCheckpoint | undefined
  onProgress?: ((progress: VerifyCheckpoint) => void) | undefined
  /** Every few GiB, and when it is broken off. Bad blocks found until then are in the list beside volume.cfg. */
  onCheckpoint?: ((checkpoint: VerifyCheckpoint) => void) | undefined
  signal?: AbortSignal | undefined
}

/** The first `doneBlocks` of the distinct blocks, in the order of the backups' lists, were looked at. */
export interface VerifyCheckpoint {
  doneBlocks: number
  totalBlocks: number
}

export interface VerifyBackupsResult {
  volumeName: string
  backups: { name: string; badBlocks: number }[]
  /** Configs that cannot be read, with the reason. */
  badConfigs: { name: string; reason: string }[]
  /** In progress, so not looked at. */
  inProgress: string[]
  checkedBlocks: number
  checkedBytes: number
  bad: { checksum: string; reason: string }[]
}

/** A backup that was named must be there; one that is deleted meanwhile is passed over. */
const namesToVerify = async (
  store: ObjectStore,
  keys: VolumeKeys,
  name: string | undefined,
): Promise<string[]> => {
  if (name === undefined) return listBackupNames(store, keys)
  if (await store.head(keys.backupConfig(name))) return [name]
  throw backupMissing(store, keys, name)
}

interface Read {
  configs: BackupConfig[]
  badConfigs: { name: string; reason: string }[]
  inProgress: string[]
}

const readConfigs = async (
  deps: VerifyBackupsDeps,
  keys: VolumeKeys,
  names: readonly string[],
): Promise<Read> => {
  const read: Read = { configs: [], badConfigs: [], inProgress: [] }
  for (const name of names) {
    try {
      const found = await readBackup(deps.store, keys, name)
      if (!found) continue
      if (isInProgress(found.value)) read.inProgress.push(name)
      else read.configs.push(found.value)
    } catch (error) {
      if (!(error instanceof BackupstoreError)) throw error
      read.badConfigs.push({ name, reason: error.message })
    }
  }
  return read
}

/** Configs that say what cannot be: a block beyond the volume's end. */
const beyondTheEnd = (config: BackupConfig, volumeSizeBytes: number): string | undefined => {
  const { blocks } = config
  const end = blocks.count === 0 ? 0 : ((blocks.indexes[blocks.count - 1] ?? 0) + 1) * blocks.blockSizeBytes
  return end > volumeSizeBytes
    ? `it has a block up to byte ${end}, beyond the volume's size ${volumeSizeBytes}`
    : undefined
}

/** Each distinct block once, in the order of the backups. */
const distinctBlocks = function* (
  configs: readonly BackupConfig[],
): Generator<{ config: BackupConfig; checksum: string }> {
  const seen = checksumSet()
  for (const config of configs)
    for (const { checksum } of placesOf(config.blocks)) if (seen.add(checksum)) yield { config, checksum }
}

const countDistinct = (configs: readonly BackupConfig[]): number => {
  const seen = checksumSet()
  for (const config of configs) seen.addPacked(config.blocks.checksums)
  return seen.size
}

interface Checked {
  bad: Map<string, BadBlock>
  sound: ChecksumSet
  counts: { doneBlocks: number; checkedBytes: number }
}

const checkpointEveryBlocks = 1024

/** What an earlier run looked at: bad is what it wrote into the list. */
const alreadyChecked = async (
  { store }: VerifyBackupsDeps,
  keys: VolumeKeys,
  { checkpoint }: VerifyBackups,
  totalBlocks: number,
): Promise<{ doneBlocks: number; known: ReadonlyMap<string, BadBlock> }> => {
  const fromStart = { doneBlocks: 0, known: new Map() }
  if (checkpoint?.totalBlocks !== totalBlocks) return fromStart
  try {
    return { doneBlocks: checkpoint.doneBlocks, known: await readBadBlocks(store, keys) }
  } catch (error) {
    if (error instanceof BackupstoreError) return fromStart
    throw error
  }
}

/** How many from the first on are done, where later ones may be done before earlier ones. */
const donePrefix = (done: number) => {
  const ahead = new Set<number>()
  return {
    add: (at: number): void => {
      ahead.add(at)
      while (ahead.delete(done)) done++
    },
    count: () => done,
  }
}

/** Each distinct block, but those that an earlier run looked at. */
const checkAll = async (
  deps: VerifyBackupsDeps,
  keys: VolumeKeys,
  { command, configs }: { command: VerifyBackups; configs: readonly BackupConfig[] },
): Promise<Checked> => {
  const totalBlocks = countDistinct(configs)
  const before = await alreadyChecked(deps, keys, command, totalBlocks)
  const bad = new Map<string, BadBlock>()
  const sound = checksumSet()
  const counts = { doneBlocks: 0, checkedBytes: 0 }
  const prefix = donePrefix(before.doneBlocks)
  let kept = before.doneBlocks
  const keep = async (): Promise<void> => {
    // Of this moment: another may look further while this one writes.
    const doneBlocks = prefix.count()
    kept = doneBlocks
    const isKept = await keepBadBlocks(deps, keys, bad, (checksum) => sound.has(checksum))
    // Bad blocks that are written nowhere would be forgotten.
    if (isKept || bad.size === 0) command.onCheckpoint?.({ doneBlocks, totalBlocks })
  }
  const { signal } = command
  const limit = { limit: command.concurrency ?? concurrencyFor(configs), signal }
  try {
    await forEachConcurrently(
      numbered(distinctBlocks(configs)),
      limit,
      async ([at, { config, checksum }]) => {
        const known = before.known.get(checksum)
        const isKnown = at < before.doneBlocks
        const reason = isKnown
          ? known?.reason
          : await checkBlock(deps, keys, config, checksum, signal, counts)
        if (reason === undefined) sound.add(checksum)
        else bad.set(checksum, (isKnown && known) || { reason, foundAt: rfc3339(deps.clock.now()) })
        counts.doneBlocks++
        if (!isKnown) prefix.add(at)
        command.onProgress?.({ doneBlocks: counts.doneBlocks, totalBlocks })
        if (prefix.count() - kept >= checkpointEveryBlocks) await keep()
      },
    )
  } catch (error) {
    if (command.onCheckpoint && signal?.aborted) await keep().catch(() => undefined)
    throw error
  }
  return { bad, sound, counts }
}

const numbered = function* <T>(items: Iterable<T>): Generator<[number, T]> {
  let at = 0
  for (const item of items) yield [at++, item]
}

/** @throws BackupstoreError `volume-missing`, `backup-missing`; ObjectStoreError. */
export const verifyBackups =
  (deps: VerifyBackupsDeps) =>
  async (command: VerifyBackups): Promise<VerifyBackupsResult> => {
    const keys = volumeKeys(command.volumeName)
    const names = await namesToVerify(deps.store, keys, command.backupName)
    const { configs, badConfigs, inProgress } = await readConfigs(deps, keys, names)
    const volume = await readVolumeConfig(deps.store, keys)
    if (!volume && names.length === 0) throw volumeMissing(deps.store, keys)
    if (!volume) badConfigs.push({ name: 'volume.cfg', reason: 'it is missing' })
    for (const config of configs) {
      const reason = volume && beyondTheEnd(config, volume.value.sizeBytes)
      if (reason !== undefined) badConfigs.push({ name: config.name, reason })
    }
    const { bad, sound, counts } = await checkAll(deps, keys, { command, configs })
    const left = await withoutDeleted(deps.store, keys, configs, bad)
    const stillBad = namedBy(left, bad)
    await keepBadBlocks(deps, keys, stillBad, (checksum) => sound.has(checksum))
    return {
      volumeName: command.volumeName,
      backups: left.map((config) => ({ name: config.name, badBlocks: countBad(config, stillBad) })),
      badConfigs,
      inProgress,
      checkedBlocks: counts.doneBlocks,
      checkedBytes: counts.checkedBytes,
      bad: [...stillBad].map(([checksum, { reason }]) => ({ checksum, reason })),
    }
  }

/** Blocks of a backup that was deleted meanwhile are rightly missing. A HEAD for each backup with a bad block. */
const withoutDeleted = async (
  store: ObjectStore,
  keys: VolumeKeys,
  configs: readonly BackupConfig[],
  bad: ReadonlyMap<string, BadBlock>,
): Promise<BackupConfig[]> => {
  const left: BackupConfig[] = []
  for (const config of configs) {
    const isThere = countBad(config, bad) === 0 || (await store.head(keys.backupConfig(config.name)))
    if (isThere) left.push(config)
  }
  return left
}

const namedBy = (
  configs: readonly BackupConfig[],
  bad: ReadonlyMap<string, BadBlock>,
): ReadonlyMap<string, BadBlock> => {
  const named = checksumSet()
  for (const config of configs) named.addPacked(config.blocks.checksums)
  return new Map([...bad].filter(([checksum]) => named.has(checksum)))
}

const concurrencyFor = (configs: readonly BackupConfig[]): number => {
  const largest = Math.max(MiB, ...configs.map((config) => config.blocks.blockSizeBytes))
  return Math.max(2, Math.min(8, (16 * MiB) / largest))
}

/** Why a block is bad; `undefined`: it is sound. */
const checkBlock = async (
  deps: VerifyBackupsDeps,
  keys: VolumeKeys,
  config: BackupConfig,
  checksum: string,
  signal: AbortSignal | undefined,
  counts: { checkedBytes: number },
): Promise<string | undefined> => {
  const key = keys.block(checksum)
  const { blockSizeBytes } = config.blocks
  const method = compressionMethodOf(config.compressionMethod, keys.backupConfig(config.name))
  try {
    const stored = await fetchBlock(deps.store, key, blockSizeBytes, signal)
    counts.checkedBytes += stored.length
    await deps.check({ bytes: stored, method, blockSizeBytes, checksum, key })
    return undefined
  } catch (error) {
    if (isBadBlock(error)) return error.message
    throw error
  }
}

const countBad = (config: BackupConfig, bad: ReadonlyMap<string, unknown>): number => {
  if (bad.size === 0) return 0
  let count = 0
  for (const { checksum, indexes } of placesOf(config.blocks)) if (bad.has(checksum)) count += indexes.length
  return count
}

/** @returns whether they were written. */
const keepBadBlocks = async (
  deps: VerifyBackupsDeps,
  keys: VolumeKeys,
  bad: ReadonlyMap<string, BadBlock>,
  isSound: (checksum: string) => boolean,
): Promise<boolean> => {
  try {
    await updateBadBlocks(
      deps.store,
      keys,
      (known) => new Map([...[...known].filter(([checksum]) => !isSound(checksum)), ...bad]),
    )
    return true
  } catch (error) {
    if (!(error instanceof ObjectStoreError) || error.code !== 'access-denied') throw error
    deps.log.warn('the list of bad blocks was not written: these credentials may only read', {
      volume: keys.volumeName,
    })
    return false
  }
}

/**
 * @module create-backup: makes a backup of a source, in the order that keeps every committed backup whole:
 *
 *   lock → list of locks → in-progress mark → volume.cfg and the base's cfg → blocks → lock confirmed, doubtful blocks looked at
 *   again → the cfg, put over our own unchanged mark: the commit → volume.cfg → lock removed
 *
 * While the mark is there nobody collects, so the base's blocks stay whatever clocks do. A backup that was suspended while its
 * mark was removed never commits. Source: longhorn.md 3.1, docs/backupstore-format.md.
 */
import { rfc3339, type Clock } from '#lib/base/clock.ts'
import { forEachConcurrently } from '#lib/base/concurrency.ts'
import type { Ids } from '#lib/base/ids.ts'
import type { Log } from '#lib/base/log.ts'
import { formatBytes, MiB } from '#lib/base/sizes.ts'
import {
  blockSizeOf,
  defaultBlockSizeBytes,
  encodeBackupConfig,
  type BackupConfig,
} from '#lib/backupstore/backup-config.ts'
import { checkName } from '#lib/backupstore/names.ts'
import { readBackupHeader } from '#lib/backupstore/backup-volume.ts'
import { zeroBlockChecksum, type CompressionMethod } from '#lib/backupstore/block.ts'
import { blockListBuilder, checksumAt, positionOf, type BlockList } from '#lib/backupstore/block-list.ts'
import { checksumSet } from '#lib/backupstore/checksum-set.ts'
import type { Labels } from '#lib/backupstore/go-json.ts'
import { markLostError, putMark } from '#lib/backupstore/in-progress.ts'
import { volumeKeys, type VolumeKeys } from '#lib/backupstore/keys.ts'
import { takeBackupLock, type BackupLock } from '#lib/backupstore/backup-lock.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { BackupError } from './backup-error.ts'
import { planBackup, type BackupPlan } from './backup-plan.ts'
import { readBackupState, type BackupState } from './backup-state.ts'
import type { BlockSource } from './block-source.ts'
import { listBlocks, sendBlocks, type SendBlocks, type SentTotals } from './send-blocks.ts'
import { recordGrowth, recordLastBackup } from './record-last-backup.ts'
import { checkpoints, resumedBlocks, type BackupCheckpoint, type ResumeBackup } from './backup-checkpoint.ts'

export interface CreateBackupDeps {
  store: ObjectStore
  clock: Clock
  ids: Ids
  log: Log
}

export interface CreateBackup {
  volumeName: string
  source: BlockSource
  /** Default: made, `backup-{16 hex}`. */
  backupName?: string | undefined
  lockName?: string | undefined
  /** Default: made, `snap-{16 hex}`. */
  snapshotName?: string | undefined
  labels: Labels
  /** Written as given. Default: `backup-mode` and `backup-block-size`, as Longhorn's manager writes them. */
  parameters?: Labels | undefined
  /** `full`: no base, and every block is sent again, over what is there. */
  mode?: 'incremental' | 'full' | undefined
  /** A backup that the caller vouches for as base: `changedBlocks` names every block that may differ from it. */
  base?: { backupName: string; changedBlocks: (blockSizeBytes: number) => Promise<Uint32Array> } | undefined
  /** 2 or 16 MiB. Default: what the volume's last backup has, or 2 MiB. */
  blockSizeBytes?: number | undefined
  /** For a volume's first backup; later ones follow volume.cfg. Default: lz4. */
  compression?: CompressionMethod | undefined
  storageClassName?: string | undefined
  /** Blocks in memory at once. Default: as many as fit into 16 MiB, 2 to 8. */
  concurrency?: number | undefined
  /** Default: 15 minutes. */
  lockWaitMs?: number | undefined
  resume?: ResumeBackup | undefined
  /** Where given, a failed backup keeps its mark, so that it can be resumed. */
  onCheckpoint?: ((checkpoint: BackupCheckpoint) => Promise<void>) | undefined
  onProgress?: ((progress: BackupProgress) => void) | undefined
  signal?: AbortSignal | undefined
}

export interface BackupProgress {
  doneBytes: number
  totalBytes: number
  sentBytes: number
}

export interface CreateBackupResult extends SentTotals {
  volumeName: string
  backupName: string
  snapshotName: string
  snapshotCreatedAt: string
  /** The backup that it was compared with or built on. */
  baseBackupName: string | undefined
  isIncremental: boolean
  volumeSizeBytes: number
  /** Blocks in the backup × block size. */
  sizeBytes: number
  blockSizeBytes: number
  blockCount: number
  readBlocks: number
  compression: CompressionMethod
}

/** What every step of one backup needs. */
interface Run {
  deps: CreateBackupDeps
  command: CreateBackup
  keys: VolumeKeys
  backupName: string
  snapshotName: string
  lock: BackupLock
  markEtag: string
}

const defaultLockWaitMs = 15 * 60_000
/** Between the lock's refresh and the commit. */
const freshLockMs = 30_000

const concurrencyOf = (command: CreateBackup, { blockSizeBytes }: BackupState): number =>
  command.concurrency ?? Math.max(2, Math.min(8, (16 * MiB) / blockSizeBytes))

/** The next size that would do is said, since making the source as large is what helps. */
const checkSize = ({ sizeBytes, description }: BlockSource, blockSizeBytes: number): void => {
  if (sizeBytes > 0 && sizeBytes % blockSizeBytes === 0) return
  const next = Math.max(1, Math.ceil(sizeBytes / blockSizeBytes)) * blockSizeBytes
  const block = formatBytes(blockSizeBytes)
  throw new BackupError(
    'source-size',
    `${description} has ${sizeBytes} bytes, which is no whole number of blocks of ${block}`,
    {
      hint: `the next size is ${next} bytes; a file is made as large with: truncate -s ${next} FILE`,
    },
  )
}

const checkGrowth = ({ sizeBytes, description }: BlockSource, { volume }: BackupState): void => {
  if (sizeBytes >= volume.sizeBytes) return
  throw new BackupError(
    'source-size',
    `${description} has ${sizeBytes} bytes, but its volume had ${volume.sizeBytes} already`,
    {
      hint: 'a volume never shrinks; back up under another volume name',
    },
  )
}

/** What can be refused before anything is written: the block size may still turn out to be the volume's. */
const checkCommand = (command: CreateBackup): void => {
  const { blockSizeBytes = defaultBlockSizeBytes } = command
  blockSizeOf({ 'backup-block-size': String(blockSizeBytes) })
  checkSize(command.source, blockSizeBytes)
}

/** Later than the last backup's, so that a clock that steps back cannot make an old backup the last one. */
const snapshotTime = (clock: Clock, lastBackupAt: string): string => {
  const last = Date.parse(lastBackupAt)
  const now = clock.now()
  return rfc3339(Number.isNaN(last) ? now : new Date(Math.max(now.getTime(), last + 1000)))
}

/**
 * Safe to repeat under another backup name. @throws BackupError `source-…`, `block-size-changed`; BackupstoreError `locked`,
 * `backup-exists`, `mark-lost`, `invalid-…`; ObjectStoreError; the signal's reason.
 */
export const createBackup =
  (deps: CreateBackupDeps) =>
  async (command: CreateBackup): Promise<CreateBackupResult> => {
    const keys = volumeKeys(command.volumeName)
    const backupName = command.resume?.backupName ?? command.backupName ?? deps.ids.name('backup')
    checkName('backup', backupName)
    checkCommand(command)
    const lockName = command.resume?.lockName ?? command.lockName ?? deps.ids.name('lock')
    const lock = await takeBackupLock(deps, {
      keys,
      lockName,
      waitMs: command.lockWaitMs ?? defaultLockWaitMs,
      signal: command.signal,
    })
    try {
      const markEtag = command.resume
        ? await resumedMark(deps.store, keys, command.resume)
        : await putMark(deps.store, keys, {
            backupName,
            lockName,
            compressionMethod: command.compression ?? 'lz4',
          })
      const snapshotName = command.snapshotName ?? deps.ids.name('snap')
      return await underMark({ deps, command, keys, backupName, snapshotName, lock, markEtag })
    } finally {
      await lock.release()
    }
  }

const resumedMark = async (store: ObjectStore, keys: VolumeKeys, resume: ResumeBackup): Promise<string> => {
  const head = await store.head(keys.backupConfig(resume.backupName))
  if (head?.etag === resume.markEtag) return resume.markEtag
  throw markLostError(keys, resume.backupName)
}

/** A backup that fails before its commit removes its own mark; unless the commit's outcome is unknown, or it may be resumed. */
const underMark = async (run: Run): Promise<CreateBackupResult> => {
  const { deps, command, keys, backupName } = run
  const commit = { isTried: false }
  try {
    return await transferAndCommit(run, commit)
  } catch (error) {
    if (!commit.isTried && !command.onCheckpoint) {
      await deps.store.deleteMany([keys.backupConfig(backupName)]).catch((cause: unknown) => {
        deps.log.warn('in-progress mark not removed; the next collect does it', {
          backup: backupName,
          error: String(cause),
        })
      })
    }
    throw error
  }
}

const transferAndCommit = async (run: Run, commit: { isTried: boolean }): Promise<CreateBackupResult> => {
  const { deps, command, keys, backupName, snapshotName } = run
  const { sizeBytes } = command.source
  const found = await readBackupState(deps, command, keys)
  checkSize(command.source, found.blockSizeBytes)
  checkGrowth(command.source, found)
  const { blocks, sender, readBlocks } = await transfer(run, found)
  const state = await recordGrowth(deps.store, { keys, state: found, sizeBytes })
  await prepareCommit(run, state, blocks, sender)

  const { totals } = sender
  const snapshotCreatedAt = snapshotTime(deps.clock, state.lastBackupAt)
  const config: BackupConfig = {
    name: backupName,
    volumeName: keys.volumeName,
    snapshotName,
    snapshotCreatedAt,
    createdAt: rfc3339(deps.clock.now()),
    sizeBytes: blocks.count * state.blockSizeBytes,
    labels: command.labels,
    parameters: command.parameters ?? {
      'backup-mode': command.mode ?? 'incremental',
      'backup-block-size': String(state.blockSizeBytes),
    },
    isIncremental: state.base !== undefined,
    compressionMethod: state.compression,
    newlyUploadedBytes: totals.newBytes,
    reUploadedBytes: totals.reSentBytes,
    hasProcessingBlocks: state.base === undefined,
    singleFilePath: '',
    blocks,
  }
  commit.isTried = true
  await putCommit(run, config)
  await recordLastBackup(deps.store, {
    keys,
    state,
    config,
    sizeBytes,
    newBlocks: totals.newBlocks,
    storageClassName: command.storageClassName,
    repaired: sender.repaired,
  })
  return {
    ...totals,
    volumeName: keys.volumeName,
    backupName,
    snapshotName,
    snapshotCreatedAt,
    baseBackupName: state.base?.name,
    isIncremental: config.isIncremental,
    volumeSizeBytes: command.source.sizeBytes,
    sizeBytes: config.sizeBytes,
    blockSizeBytes: state.blockSizeBytes,
    blockCount: blocks.count,
    readBlocks,
    compression: state.compression,
  }
}

interface Transferred {
  blocks: BlockList
  sender: SendBlocks
  readBlocks: number
}

const plannedBlocks = async (
  run: Run,
  state: BackupState,
  allocated: Uint32Array | undefined,
): Promise<BackupPlan> => {
  const { blockSizeBytes, bad } = state
  const base = state.base?.blocks
  return planBackup({
    blockCount: run.command.source.sizeBytes / blockSizeBytes,
    base,
    allocated,
    changed: await state.changedBlocks?.(blockSizeBytes),
    isBad: (position) => base !== undefined && bad.has(checksumAt(base, position)),
  })
}

const senderFor = async (
  run: Run,
  state: BackupState,
  resumed: ReadonlyMap<number, string>,
): Promise<SendBlocks> => {
  const { deps, command, keys } = run
  const mode = command.mode ?? 'incremental'
  const assumed = checksumSet(state.base?.blocks.count)
  if (state.base) assumed.addPacked(state.base.blocks.checksums)
  for (const checksum of resumed.values()) assumed.add(checksum)
  const present = mode === 'full' ? await listBlocks(deps.store, keys, command.signal) : undefined
  const settings = {
    keys,
    mode,
    assumed,
    bad: state.bad,
    present,
    concurrency: concurrencyOf(command, state),
    signal: command.signal,
  }
  return sendBlocks(deps.store, settings, command.resume?.totals)
}

/** Reads what the plan says, sends what the store lacks. */
const transfer = async (run: Run, state: BackupState): Promise<Transferred> => {
  const { command } = run
  const { source } = command
  const { blockSizeBytes, compression: method } = state
  const base = state.base?.blocks
  const allocated = await source.allocatedBlocks(blockSizeBytes)
  const plan = await plannedBlocks(run, state, allocated)
  const resumed = new Map(resumedBlocks(command.resume))
  const reads = resumed.size === 0 ? plan.read : plan.read.filter((index) => !resumed.has(index))
  const sender = await senderFor(run, state, resumed)
  const found = blockListBuilder(blockSizeBytes, plan.keep.length + plan.read.length + 1)
  if (base)
    for (const position of plan.keep) found.set(base.indexes[position] ?? 0, checksumAt(base, position))
  for (const [index, checksum] of resumed) found.set(index, checksum)
  const journal = await checkpoints(run, sender.totals)

  /** Where nobody knows what is allocated, zeros are what never was. */
  const isLeftOut = (checksum: string) =>
    allocated === undefined && checksum === zeroBlockChecksum(blockSizeBytes)
  const progress = { doneBytes: 0, totalBytes: reads.length * blockSizeBytes }
  const tell = () =>
    command.onProgress?.({ ...progress, sentBytes: sender.totals.newBytes + sender.totals.reSentBytes })
  const readAndSend = async (index: number): Promise<void> => {
    const skipIf = command.mode === 'full' ? undefined : expectedChecksum(base, index, state.bad)
    const { checksum, stored } = await source.read({ index, blockSizeBytes, method, skipIf })
    if (!isLeftOut(checksum)) {
      if (stored && (await sender.ensure(index, checksum, stored))) await journal.sent(index, checksum)
      found.set(index, checksum)
    }
    progress.doneBytes += blockSizeBytes
    tell()
  }
  tell()
  await forEachConcurrently(
    reads,
    { limit: concurrencyOf(command, state), signal: command.signal },
    readAndSend,
  )
  await journal.flush()
  await requireUnchanged(source)
  return { blocks: found.build(), sender, readBlocks: reads.length }
}

const requireUnchanged = async (source: BlockSource): Promise<void> => {
  if (!(await source.hasChanged())) return
  throw new BackupError('source-changed', `${source.description} was written to while it was backed up`, {
    hint: 'back up a snapshot, or stop what writes to it; nothing was committed',
  })
}

/** What the base has at an index, unless the store's copy of it is bad and must be sent again. */
const expectedChecksum = (
  base: BlockList | undefined,
  index: number,
  bad: ReadonlySet<string>,
): string | undefined => {
  const position = base ? positionOf(base, index) : -1
  if (!base || position < 0) return undefined
  const checksum = checksumAt(base, position)
  return bad.has(checksum) ? undefined : checksum
}

/**
 * The lock is confirmed first: what is looked at after that cannot be taken away by a deletion that we did not see. Where looking
 * took long, the lock is confirmed once more, so that the commit comes under a fresh one even if the store has no conditional writes.
 */
const prepareCommit = async (
  run: Run,
  state: BackupState,
  blocks: BlockList,
  sender: SendBlocks,
): Promise<void> => {
  const { clock } = run.deps
  await confirmLock(run)
  for (;;) {
    const confirmedAt = clock.now().getTime()
    await sender.recheck(blocks, state.base === undefined, (index, checksum) =>
      readAgainAs(run, state, index, checksum),
    )
    if (clock.now().getTime() - confirmedAt <= freshLockMs || (await confirmLock(run)) === 'held') return
  }
}

/** @throws BackupstoreError `mark-lost` where the lock had to be taken again and the mark is gone. */
const confirmLock = async ({ deps, keys, backupName, lock, markEtag }: Run): Promise<'held' | 'retaken'> => {
  const outcome = await lock.confirm()
  if (outcome === 'held') return outcome
  const head = await deps.store.head(keys.backupConfig(backupName))
  if (head?.etag !== markEtag) throw markLostError(keys, backupName)
  return outcome
}

const readAgainAs = async (
  { command }: Run,
  state: BackupState,
  index: number,
  checksum: string,
): Promise<Uint8Array> => {
  const { source } = command
  const read = await source.read({ index, blockSizeBytes: state.blockSizeBytes, method: state.compression })
  if (read.stored && read.checksum === checksum) return read.stored
  throw new BackupError(
    'source-changed',
    `block ${index} of ${source.description} changed while it was backed up`,
  )
}

/** An answer may get lost, and the put be tried again over what it wrote: then what is there is our own commit. */
const putCommit = async (run: Run, config: BackupConfig): Promise<void> => {
  const { deps, command, keys, backupName, markEtag } = run
  command.signal?.throwIfAborted()
  const condition = { kind: 'unchanged', etag: markEtag } as const
  const result = await deps.store.put(keys.backupConfig(backupName), encodeBackupConfig(config), {
    condition,
  })
  if (result.kind === 'stored') return
  const there = await readBackupHeader(deps.store, keys, backupName)
  const isOurs =
    there?.value.createdAt === config.createdAt &&
    there.value.snapshotName === config.snapshotName &&
    there.value.snapshotCreatedAt === config.snapshotCreatedAt
  if (!isOurs) throw markLostError(keys, backupName)
}

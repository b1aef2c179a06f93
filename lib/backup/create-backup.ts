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
import type { Ids } from '#lib/base/ids.ts'
import type { Log } from '#lib/base/log.ts'
import { formatBytes } from '#lib/base/sizes.ts'
import { blockSizeOf, defaultBlockSizeBytes, type BackupConfig } from '#lib/backupstore/backup-config.ts'
import { takeBackupLock, type BackupLock } from '#lib/backupstore/backup-lock.ts'
import type { BlockList } from '#lib/backupstore/block-list.ts'
import type { CompressionMethod } from '#lib/backupstore/block.ts'
import type { Labels } from '#lib/backupstore/go-json.ts'
import { markLostError, putMark, removeMark } from '#lib/backupstore/in-progress.ts'
import { volumeKeys, type VolumeKeys } from '#lib/backupstore/keys.ts'
import { checkName } from '#lib/backupstore/names.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import type { BackupCheckpoint, ResumeBackup } from './backup-checkpoint.ts'
import { BackupError } from './backup-error.ts'
import { readBackupState, type BackupState } from './backup-state.ts'
import type { BlockSource } from './block-source.ts'
import { prepareCommit, putCommit } from './commit-backup.ts'
import { recordGrowth, recordLastBackup } from './record-last-backup.ts'
import type { SentTotals } from './send-blocks.ts'
import { transferBlocks } from './transfer-blocks.ts'

export interface CreateBackupDeps {
  store: ObjectStore
  clock: Clock
  ids: Ids
  log: Log
}

/** A backup that the caller vouches for as base. Where it is not in the store, the last backup is compared with instead. */
export interface VouchedBase {
  backupName: string
  /** Whether what is stored under the name is the backup that the caller means. Default: it is. */
  isThatBackup?: ((config: BackupConfig) => boolean) | undefined
  /** Every block that may differ from it. */
  changedBlocks: (blockSizeBytes: number) => Promise<Uint32Array>
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
  base?: VouchedBase | undefined
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
  /** Whether one that fails so will be resumed, and its mark is to stay. Default: where checkpoints are kept, always. */
  willResume?: ((error: unknown) => boolean) | undefined
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
  createdAt: string
  /** The backup that it was compared with or built on. */
  baseBackupName: string | undefined
  /** It is the one that the caller vouched for, so that only the blocks named were read. */
  isBaseVouched: boolean
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
export interface BackupRun {
  deps: CreateBackupDeps
  command: CreateBackup
  keys: VolumeKeys
  backupName: string
  snapshotName: string
  lock: BackupLock
  markEtag: string
}

const defaultLockWaitMs = 15 * 60_000

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
const underMark = async (run: BackupRun): Promise<CreateBackupResult> => {
  const commit = { isTried: false }
  try {
    return await transferAndCommit(run, commit)
  } catch (error) {
    const { willResume, onCheckpoint } = run.command
    const stays = willResume ? willResume(error) : onCheckpoint !== undefined
    if (!commit.isTried && !stays) await giveUp(run)
    throw error
  }
}

/** Nobody but its maker will ever commit over this mark, so its maker may remove it without a deletion lock. */
const giveUp = async ({ deps, keys, backupName, markEtag }: BackupRun): Promise<void> => {
  const mark = { backupName, etag: markEtag }
  await removeMark({ store: deps.store, checkLock: async () => {} }, keys, mark).catch((cause: unknown) => {
    deps.log.warn('in-progress mark not removed; the next collect does it', {
      backup: backupName,
      error: String(cause),
    })
  })
}

/** What the commit says of the backup. */
const configOf = (
  run: BackupRun,
  state: BackupState,
  blocks: BlockList,
  totals: SentTotals,
): BackupConfig => ({
  name: run.backupName,
  volumeName: run.keys.volumeName,
  snapshotName: run.snapshotName,
  snapshotCreatedAt: snapshotTime(run.deps.clock, state.lastBackupAt),
  createdAt: rfc3339(run.deps.clock.now()),
  sizeBytes: blocks.count * state.blockSizeBytes,
  labels: run.command.labels,
  parameters: run.command.parameters ?? {
    'backup-mode': run.command.mode ?? 'incremental',
    'backup-block-size': String(state.blockSizeBytes),
  },
  isIncremental: state.base !== undefined,
  compressionMethod: state.compression,
  newlyUploadedBytes: totals.newBytes,
  reUploadedBytes: totals.reSentBytes,
  hasProcessingBlocks: state.base === undefined,
  singleFilePath: '',
  blocks,
})

const transferAndCommit = async (
  run: BackupRun,
  commit: { isTried: boolean },
): Promise<CreateBackupResult> => {
  const { deps, command, keys } = run
  const { sizeBytes } = command.source
  const found = await readBackupState(deps, command, keys)
  checkSize(command.source, found.blockSizeBytes)
  checkGrowth(command.source, found)
  const { blocks, sender, readBlocks } = await transferBlocks(run, found)
  const state = await recordGrowth(deps.store, { keys, state: found, sizeBytes })
  await prepareCommit(run, state, blocks, sender)

  const { totals } = sender
  const config = configOf(run, state, blocks, totals)
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
    backupName: config.name,
    snapshotName: config.snapshotName,
    snapshotCreatedAt: config.snapshotCreatedAt,
    createdAt: config.createdAt,
    baseBackupName: state.base?.name,
    isBaseVouched: state.changedBlocks !== undefined,
    isIncremental: config.isIncremental,
    volumeSizeBytes: command.source.sizeBytes,
    sizeBytes: config.sizeBytes,
    blockSizeBytes: state.blockSizeBytes,
    blockCount: blocks.count,
    readBlocks,
    compression: state.compression,
  }
}

/**
 * @module backup-performers: operations that move data between a node's pool and a backupstore.
 *
 * A backup that was under way when its process died goes on under its own name and lock, from the checkpoints that it wrote, if
 * its mark is still there; else it is made anew, under a name that says so.
 */
import { abandonBackup } from '#lib/backup/abandon-backup.ts'
import { backUpVolume, releaseLeftSnapshots, type BackUpVolume } from '#lib/backup/back-up-volume.ts'
import type { BackupCheckpoint, ResumeBackup } from '#lib/backup/backup-checkpoint.ts'
import { restoreToVolume } from '#lib/backup/restore-to-volume.ts'
import { readBackupHeader } from '#lib/backupstore/backup-volume.ts'
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import { isInProgress } from '#lib/backupstore/in-progress.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import type { PerformCommand } from '#lib/operation/command.ts'
import type { Checkpoint } from '#lib/operation/journal.ts'
import type { JsonObject } from '#lib/operation/json.ts'
import { nameAnew } from '#lib/operation/name-anew.ts'
import * as z from 'zod'
import type { BackupBase } from '#lib/volume/backup-records.ts'
import type { Pool } from '#lib/volume/pool.ts'
import { VolumeError } from '#lib/volume/volume-error.ts'
import { ProcessEnding, type Performance, type Performers } from './performer.ts'
import type { OpenTarget, StorePerformersDeps } from './store-performers.ts'

export interface BackupPerformersDeps extends StorePerformersDeps {
  pool: Pool
}

export type BackupPerformers = Pick<Performers, 'create-backup' | 'restore-backup'>

const Totals = z.object({
  newBlocks: z.number(),
  newBytes: z.number(),
  reSentBlocks: z.number(),
  reSentBytes: z.number(),
})
const Data = z.object({
  backupName: z.string(),
  lockName: z.string(),
  markEtag: z.string(),
  snapshotName: z.string(),
  totals: Totals,
  /** Before it in what was appended is what was sent under a mark that was lost, and may have been collected since. */
  sentFromByte: z.number(),
})

interface Left {
  resume: ResumeBackup
  snapshotName: string
  sentFromByte: number
}

const leftBy = (checkpoint: Checkpoint | undefined): Left | undefined => {
  if (!checkpoint) return undefined
  const { snapshotName, sentFromByte, ...resume } = Data.parse(checkpoint.data)
  const sent = checkpoint.appended.subarray(sentFromByte)
  return { snapshotName, sentFromByte, resume: { ...resume, sent } }
}

type CreateBackupCommand = PerformCommand<'create-backup'>

/** One that was deleted, or cannot be read, protects nothing. */
const isThere = async (store: ObjectStore, backupVolume: string, base: BackupBase): Promise<boolean> => {
  try {
    const header = await readBackupHeader(store, volumeKeys(backupVolume), base.backupName)
    return header?.value.createdAt === base.backupCreatedAt
  } catch (error) {
    if (error instanceof BackupstoreError) return false
    throw error
  }
}

/** Nothing was written since the snapshot that the last backup was made from, and that backup is there. */
const isUnchanged = async (
  pool: Pool,
  { volume, parameters: { backupVolume } }: CreateBackupCommand,
  { store, url: target }: OpenTarget,
): Promise<boolean> => {
  const base = pool.backupBase(volume, { target, backupVolume })
  return (
    base !== undefined &&
    pool.headSnapshot(volume)?.id === base.snapshot.id &&
    !(await pool.hasWritesSince(volume, base.snapshot.name)) &&
    isThere(store, backupVolume, base)
  )
}

const checkpointData = (checkpoint: BackupCheckpoint, sentFromByte: number): JsonObject => {
  const { backupName, lockName, markEtag, snapshotName, totals } = checkpoint
  return { backupName, lockName, markEtag, snapshotName, totals: { ...totals }, sentFromByte }
}

/** What is written down of a backup. After `beginAnew` nothing that was sent before counts. */
const checkpointsOf = (
  { checkpoint, writeCheckpoint }: Performance,
  left: Left | undefined,
): { onCheckpoint: (checkpoint: BackupCheckpoint) => Promise<void>; beginAnew: () => void } => {
  let appendedBytes = checkpoint?.appended.length ?? 0
  let sentFromByte = left?.sentFromByte ?? 0
  return {
    onCheckpoint: async (reached) => {
      writeCheckpoint(checkpointData(reached, sentFromByte), reached.sent)
      appendedBytes += reached.sent.length
    },
    beginAnew: () => {
      sentFromByte = appendedBytes
    },
  }
}

const requestOf = (
  { volume, parameters }: CreateBackupCommand,
  url: string,
  { signal, onProgress }: Performance,
): BackUpVolume => ({
  poolVolumeName: volume,
  volumeName: parameters.backupVolume,
  target: url,
  backupName: parameters.backup,
  lockName: parameters.lock,
  snapshotName: parameters.snapshot,
  labels: parameters.labels,
  mode: parameters.isFull ? 'full' : 'incremental',
  signal,
  onProgress: ({ doneBytes, totalBytes }) => onProgress({ phase: 'backing up', doneBytes, totalBytes }),
  // What fails because of it may say something else.
  willResume: () => signal.reason instanceof ProcessEnding,
})

const cannotGoOn = (error: unknown): boolean =>
  (error instanceof BackupstoreError && (error.code === 'mark-lost' || error.code === 'backup-exists')) ||
  (error instanceof VolumeError && error.code === 'snapshot-not-found')

interface Made {
  backupName: string
  snapshotName: string
  snapshotCreatedAt: string
  newBlocks: number
  newBytes: number
}

/** It was committed, and its process died before it could say so. The next backup builds on it, as it would have. */
const committedBefore = async (
  { pool }: BackupPerformersDeps,
  { volume, parameters }: CreateBackupCommand,
  { resume, snapshotName }: Left,
  { store, url }: OpenTarget,
): Promise<Made | undefined> => {
  const { backupVolume } = parameters
  const header = (await readBackupHeader(store, volumeKeys(backupVolume), resume.backupName))?.value
  if (!header || isInProgress(header) || header.snapshotName !== snapshotName) return undefined
  const snapshot = pool.recordedSnapshots(volume).find(({ name }) => name === snapshotName)
  if (snapshot)
    await pool.recordBackup(volume, {
      target: url,
      backupVolume,
      backupName: resume.backupName,
      backupCreatedAt: header.createdAt,
      snapshotId: snapshot.id,
    })
  const { snapshotCreatedAt } = header
  const { newBlocks, newBytes } = resume.totals
  return { backupName: resume.backupName, snapshotName, snapshotCreatedAt, newBlocks, newBytes }
}

interface Names {
  backupName: string
  lockName: string
}

const namesOf = ({ parameters }: CreateBackupCommand, left: Left | undefined): Names => ({
  backupName: left?.resume.backupName ?? parameters.backup,
  lockName: left?.resume.lockName ?? parameters.lock,
})

/** The same each time that the process dies before its first checkpoint under them. */
const namesAnew = ({ backupName, lockName }: Names): Names => ({
  backupName: nameAnew(backupName),
  lockName: nameAnew(lockName),
})

/** What its process left in the store under these names, and in the pool: nothing will go on from it. */
const clearUp = async (
  deps: BackupPerformersDeps,
  { volume, parameters }: CreateBackupCommand,
  names: Names,
  store: ObjectStore,
): Promise<void> => {
  await abandonBackup({ ...deps, store })({ volumeName: parameters.backupVolume, ...names })
  await releaseLeftSnapshots(deps)(volume)
}

const createBackup = async (
  deps: BackupPerformersDeps,
  command: CreateBackupCommand,
  performance: Performance,
  opened: OpenTarget,
): Promise<Made> => {
  const { store, url } = opened
  const { isAgain, signal, checkpoint } = performance
  const left = leftBy(checkpoint)
  const { onCheckpoint, beginAnew } = checkpointsOf(performance, left)
  const request = { ...requestOf(command, url, performance), onCheckpoint }
  const make = (more: Partial<BackUpVolume>) => backUpVolume({ ...deps, store })({ ...request, ...more })
  const names = namesOf(command, left)
  const committed = left && (await committedBefore(deps, command, left, opened))
  if (isAgain && (committed || !left || signal.aborted)) await clearUp(deps, command, names, store)
  if (committed) return committed
  signal.throwIfAborted()
  try {
    return await make(left ? { snapshotName: left.snapshotName, resume: left.resume } : {})
  } catch (error) {
    if (!isAgain || !cannotGoOn(error)) throw error
    deps.log.info('backup cannot go on; making it anew', {
      operation: command.operationId,
      error: String(error),
    })
    const anew = namesAnew(names)
    for (const each of [names, anew]) await clearUp(deps, command, each, store)
    beginAnew()
    return make(anew)
  }
}

export const backupPerformers = (deps: BackupPerformersDeps): BackupPerformers => ({
  'create-backup': async (command, performance) => {
    const { pool, log } = deps
    const { operationId, volume, parameters } = command
    const opened = await deps.openTarget(operationId, parameters.target)
    if (!performance.checkpoint) await releaseLeftSnapshots({ pool, log })(volume)
    if (parameters.onlyIfWritten && !performance.isAgain && (await isUnchanged(pool, command, opened)))
      return { outcome: 'nothing-new' }
    const made = await createBackup(deps, command, performance, opened)
    return {
      outcome: 'made',
      backup: made.backupName,
      snapshot: made.snapshotName,
      snapshotCreatedAt: made.snapshotCreatedAt,
      newBlocks: made.newBlocks,
      newBytes: made.newBytes,
    }
  },
  'restore-backup': async (command, { signal, onProgress, isAgain }) => {
    const { pool, workers } = deps
    const { operationId, volume, parameters } = command
    // One that was not complete went when the pool was opened.
    const there = isAgain && (await pool.listVolumes()).find(({ name }) => name === volume)
    if (there) return { sizeBytes: there.sizeBytes }
    const { store } = await deps.openTarget(operationId, parameters.target)
    const result = await restoreToVolume({ store, pool, workers })({
      poolVolumeName: volume,
      volumeName: parameters.backupVolume,
      backupName: parameters.backup,
      salvage: parameters.isSalvage,
      signal,
      onProgress,
    })
    const { volumeSizeBytes: sizeBytes, fetchedBlocks, lost } = result
    return { sizeBytes, fetchedBlocks, lostBlocks: lost.length }
  },
})

/**
 * @module store-performers: operations on what is in a backupstore alone. For agents, and for the cloud's worker on targets that it reaches.
 */
import * as z from 'zod'
import type { BlockWorkers } from '#lib/backup/block-workers.ts'
import { collectBackupVolume, deleteBackup } from '#lib/backup/delete-backup.ts'
import { verifyBackups } from '#lib/backup/verify-backups.ts'
import type { CollectOutcome } from '#lib/backup/collect-blocks.ts'
import type { Clock } from '#lib/base/clock.ts'
import type { Ids } from '#lib/base/ids.ts'
import type { Log } from '#lib/base/log.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import type { JsonObject } from '#lib/operation/json.ts'
import type { Performers } from './performer.ts'

export interface OpenTarget {
  store: ObjectStore
  /** By which a pool remembers what was made for whom. */
  url: string
}

export interface StorePerformersDeps {
  clock: Clock
  ids: Ids
  log: Log
  workers: BlockWorkers
  /** With credentials for this operation alone. */
  openTarget: (operationId: string, target: string) => Promise<OpenTarget>
}

export type StorePerformers = Pick<Performers, 'delete-backup' | 'collect-blocks' | 'verify-backup'>

const VerifiedSoFar = z.object({ doneBlocks: z.int().nonnegative(), totalBlocks: z.int() })

const collectResult = (outcome: CollectOutcome | undefined): JsonObject =>
  outcome?.kind === 'collected'
    ? { deletedBlocks: outcome.deletedBlocks, deletedBytes: outcome.deletedBytes }
    : { deletedBlocks: 0, deletedBytes: 0, skipped: outcome?.detail ?? 'left to a later collection' }

export const storePerformers = (deps: StorePerformersDeps): StorePerformers => ({
  'delete-backup': async ({ operationId, parameters }, { signal }) => {
    const { store } = await deps.openTarget(operationId, parameters.target)
    const { collect } = await deleteBackup({ ...deps, store })({
      volumeName: parameters.backupVolume,
      backupName: parameters.backup,
      lockName: parameters.lock,
      skipCollect: parameters.collects === false,
      signal,
    })
    return collectResult(collect)
  },
  'collect-blocks': async ({ operationId, parameters }, { signal }) => {
    const { store } = await deps.openTarget(operationId, parameters.target)
    const { backupVolume: volumeName, lock: lockName } = parameters
    return collectResult(await collectBackupVolume({ ...deps, store })({ volumeName, lockName, signal }))
  },
  'verify-backup': async ({ operationId, parameters }, performance) => {
    const { signal, checkpoint, writeCheckpoint, onProgress } = performance
    const { store } = await deps.openTarget(operationId, parameters.target)
    const check = async (block: Parameters<typeof deps.workers.run<'check'>>[0]['block']) => {
      await deps.workers.run({ kind: 'check', block })
    }
    const { checkedBlocks, checkedBytes, bad } = await verifyBackups({ ...deps, store, check })({
      volumeName: parameters.backupVolume,
      backupName: parameters.backup,
      signal,
      checkpoint: VerifiedSoFar.safeParse(checkpoint?.data).data,
      onCheckpoint: ({ doneBlocks, totalBlocks }) =>
        writeCheckpoint({ doneBlocks, totalBlocks }, new Uint8Array()),
      onProgress: ({ doneBlocks, totalBlocks }) =>
        onProgress({ phase: 'verifying', doneBytes: doneBlocks, totalBytes: totalBlocks }),
    })
    return { checkedBlocks, checkedBytes, badBlocks: bad.length }
  },
})

/**
 * @module volume-performers: operations on the volumes of a node's pool. One that was under way when its process died looks what
 * is there first, so that what was done and not reported is only reported.
 */
import type { PerformCommand } from '#lib/operation/command.ts'
import type { JsonObject } from '#lib/operation/json.ts'
import type { Attachment } from '#lib/volume/attachment-state.ts'
import type { Pool, VolumeView } from '#lib/volume/pool.ts'
import { VolumeError, type VolumeErrorCode } from '#lib/volume/volume-error.ts'
import type { SnapshotRecord } from '#lib/volume/volume-record.ts'
import type { Performance, Performers } from './performer.ts'

export type VolumePerformers = Pick<
  Performers,
  | 'create-volume'
  | 'delete-volume'
  | 'expand-volume'
  | 'attach-volume'
  | 'detach-volume'
  | 'create-snapshot'
  | 'delete-snapshot'
  | 'revert-volume'
>

const unless = <T>(code: VolumeErrorCode, work: Promise<T>): Promise<T | undefined> =>
  work.catch((error: unknown) => {
    if (error instanceof VolumeError && error.code === code) return undefined
    throw error
  })

const volumeResult = ({ sizeBytes, state, path }: VolumeView) => ({ sizeBytes, state, path: path ?? null })
const attachmentResult = ({ frontend, path }: Attachment) => ({ frontend, path: path ?? null })
const snapshotResult = ({ name, createdAt, consistency, sizeBytes }: SnapshotRecord) => ({
  outcome: 'made',
  snapshot: name,
  createdAt,
  consistency,
  sizeBytes,
})

const createVolume = async (
  pool: Pool,
  { volume: name, parameters }: PerformCommand<'create-volume'>,
  { isAgain }: Performance,
): Promise<VolumeView> => {
  const there = isAgain ? await unless('volume-not-found', pool.showVolume(name)) : undefined
  return there ?? pool.createVolume({ name, ...parameters })
}

const hasNothingNew = async (pool: Pool, volume: string): Promise<boolean> => {
  const newest = pool.headSnapshot(volume)
  return newest !== undefined && !(await pool.hasWritesSince(volume, newest.name))
}

const createSnapshot = async (
  pool: Pool,
  { volume, parameters }: PerformCommand<'create-snapshot'>,
  { isAgain }: Performance,
): Promise<JsonObject> => {
  const { snapshot: name, labels, onlyIfWritten } = parameters
  const snapshots = isAgain ? pool.recordedSnapshots(volume) : []
  const there = snapshots.find((snapshot) => snapshot.name === name)
  if (there) return snapshotResult(there)
  if (onlyIfWritten && (await hasNothingNew(pool, volume))) return { outcome: 'nothing-new' }
  return snapshotResult(await pool.createSnapshot(volume, { name, labels }))
}

export const volumePerformers = (pool: Pool): VolumePerformers => ({
  'create-volume': async (command, performance) =>
    volumeResult(await createVolume(pool, command, performance)),
  'delete-volume': async ({ volume }) => {
    await unless('volume-not-found', pool.deleteVolume(volume))
    return {}
  },
  'expand-volume': async ({ volume, parameters }) =>
    volumeResult(await pool.expandVolume(volume, parameters.sizeBytes)),
  'attach-volume': async ({ volume, parameters }) =>
    attachmentResult(await pool.attachVolume(volume, parameters.isMaintenance ? 'none' : 'block')),
  'detach-volume': async ({ volume }) => {
    await unless('volume-not-found', pool.detachVolume(volume))
    return {}
  },
  'create-snapshot': (command, performance) => createSnapshot(pool, command, performance),
  'delete-snapshot': async ({ volume, parameters }) => {
    await unless('snapshot-not-found', pool.deleteSnapshot(volume, parameters.snapshot))
    return {}
  },
  'revert-volume': async ({ volume, parameters }) => {
    await pool.revertVolume(volume, parameters.snapshot)
    return {}
  },
})

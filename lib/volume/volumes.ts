/**
 * @module volumes: making, restoring, expanding and deleting the volumes of a pool.
 */
import { existsSync } from 'node:fs'
import { rfc3339 } from '#lib/base/clock.ts'
import { formatBytes, MiB } from '#lib/base/sizes.ts'
import { requireDetached } from './attachment.ts'
import { changeVolume, finishExpansion, removeVolume } from './pending.ts'
import {
  checkLayer,
  headImage,
  layerFolder,
  newEntry,
  volumeFolder,
  writeVolume,
  type PoolContext,
  type VolumeEntry,
} from './pool-context.ts'
import { checkRoomForVolume } from './room.ts'
import { VolumeError } from './volume-error.ts'
import { checkVolumeName, type VolumeRecord } from './volume-record.ts'

export const defaultBlockSizeBytes = 2 * MiB
export const smallestVolumeBytes = 10 * MiB

export interface NewVolume {
  name: string
  /** Rounded up to whole blocks, and to 10 MiB. */
  sizeBytes: number
  /** 2 or 16 MiB: what its backups will be made of. */
  blockSizeBytes?: number | undefined
  /** Of its device. A file system or partition table made for one opens on no larger one; 512 is what Longhorn's volumes have. */
  sectorSizeBytes?: 512 | 4096 | undefined
}

/** @throws VolumeError `invalid-size`. */
export const roundedSize = (sizeBytes: number, blockSizeBytes: number): number => {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0) {
    throw new VolumeError('invalid-size', `a volume cannot have ${sizeBytes} bytes`, {
      hint: 'give its size as a whole number of bytes above 0',
    })
  }
  return Math.ceil(Math.max(sizeBytes, smallestVolumeBytes) / blockSizeBytes) * blockSizeBytes
}

const checkBlockSize = (blockSizeBytes: number): void => {
  if (blockSizeBytes === 2 * MiB || blockSizeBytes === 16 * MiB) return
  throw new VolumeError('invalid-size', `blocks cannot have ${blockSizeBytes} bytes`, {
    hint: 'blocks have 2 or 16 MiB',
  })
}

const newRecord = (context: PoolContext, volume: NewVolume, kind: 'create-volume' | 'restore-volume') => {
  const { name, blockSizeBytes = defaultBlockSizeBytes, sectorSizeBytes = 512 } = volume
  checkBlockSize(blockSizeBytes)
  return {
    format: 1,
    id: context.ids.name('volume'),
    name: checkVolumeName('volume', name),
    createdAt: rfc3339(context.clock.now()),
    sizeBytes: roundedSize(volume.sizeBytes, blockSizeBytes),
    blockSizeBytes,
    sectorSizeBytes,
    head: { id: context.ids.name('head'), parentId: null },
    snapshots: [],
    backups: [],
    frontend: null,
    attachments: 0,
    pending: { kind },
  } satisfies VolumeRecord
}

/** Announced in its record; nobody but its maker sees it yet. */
const beginVolume = (
  context: PoolContext,
  volume: NewVolume,
  kind: 'create-volume' | 'restore-volume',
): Promise<VolumeEntry> => {
  const record = newRecord(context, volume, kind)
  const { name } = record
  return context.inTurn(async () => {
    if (context.volumes.has(name) || existsSync(volumeFolder(context, name))) {
      throw new VolumeError('volume-exists', `pool ${context.folder} has a volume ${name} already`, {
        hint: 'choose another name, or delete that one first',
      })
    }
    await checkRoomForVolume(context, `volume ${name}`, record.sizeBytes)
    const entry = newEntry(record)
    await context.host.makeFolder(volumeFolder(context, name))
    try {
      await writeVolume(context, entry, record)
    } catch (error) {
      await context.host.removeTree(volumeFolder(context, name))
      throw error
    }
    context.volumes.set(name, entry)
    return entry
  })
}

const makeHead = async (context: PoolContext, entry: VolumeEntry): Promise<void> => {
  const { record } = entry
  await context.driver.makeLayer(layerFolder(context, record, record.head.id), record.sizeBytes)
}

/** @throws VolumeError `invalid-…`, `volume-exists`, `pool-full`. */
export const createVolume = async (context: PoolContext, volume: NewVolume): Promise<VolumeRecord> => {
  const entry = await beginVolume(context, volume, 'create-volume')
  try {
    await makeHead(context, entry)
    await writeVolume(context, entry, { ...entry.record, pending: null })
  } catch (error) {
    await removeVolume(context, entry)
    throw error
  }
  return entry.record
}

export interface RestoringVolume {
  /** The file to write, sparse, of the size asked for. */
  path: string
  sizeBytes: number
  /** Durable, and there for others. */
  finish(): Promise<VolumeRecord>
  abandon(): Promise<void>
}

/** A volume that exists for others only when `finish` was called. @throws VolumeError `invalid-…`, `volume-exists`, `pool-full`. */
export const restoreVolume = async (context: PoolContext, volume: NewVolume): Promise<RestoringVolume> => {
  const entry = await beginVolume(context, volume, 'restore-volume')
  const { sizeBytes } = entry.record
  try {
    await makeHead(context, entry)
  } catch (error) {
    await removeVolume(context, entry)
    throw error
  }
  const path = headImage(context, entry.record)
  return {
    path,
    sizeBytes,
    finish: async () => {
      await context.host.sync(path)
      await writeVolume(context, entry, { ...entry.record, pending: null })
      return entry.record
    },
    abandon: () => removeVolume(context, entry),
  }
}

/** Safe to repeat. @throws VolumeError `volume-not-found`, `volume-attached`, `snapshot-in-use`. */
export const deleteVolume = async (context: PoolContext, name: string): Promise<void> => {
  const failed = context.volumes.get(name)
  if (failed?.record.pending?.kind === 'delete-volume')
    return failed.inTurn(() => removeVolume(context, failed))
  return changeVolume(context, name, async (entry) => {
    await requireDetached(context, entry.record, 'delete it')
    if (entry.readers.size > 0) {
      throw new VolumeError('snapshot-in-use', `a snapshot of volume ${name} is being read`, {
        hint: 'wait until its backup has ended, or cancel it',
      })
    }
    await writeVolume(context, entry, { ...entry.record, pending: { kind: 'delete-volume' } })
    await removeVolume(context, entry)
  })
}

/**
 * Attached or not; what is in the volume is made larger by whoever uses it. The same size is fine.
 * @throws VolumeError `invalid-size` if it is smaller, `pool-full`.
 */
export const expandVolume = (
  context: PoolContext,
  name: string,
  sizeBytes: number,
): Promise<VolumeRecord> => {
  return changeVolume(context, name, async (entry) => {
    const { record } = entry
    const wanted = roundedSize(sizeBytes, record.blockSizeBytes)
    if (wanted < record.sizeBytes) {
      const sizes = `${formatBytes(record.sizeBytes)}, and cannot get ${formatBytes(wanted)}`
      throw new VolumeError('invalid-size', `volume ${name} has ${sizes}`, { hint: 'a volume never shrinks' })
    }
    if (wanted > record.sizeBytes) {
      await context.inTurn(async () => {
        const what = `${formatBytes(wanted - record.sizeBytes)} more of volume ${name}`
        await checkRoomForVolume(context, what, wanted - record.sizeBytes)
        await writeVolume(context, entry, { ...record, pending: { kind: 'expand', sizeBytes: wanted } })
      })
      await finishExpansion(context, entry, wanted)
      await checkLayer(layerFolder(context, entry.record, entry.record.head.id), wanted)
    }
    return entry.record
  })
}

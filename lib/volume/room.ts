/**
 * @module room: keeps a full pool from becoming an I/O error in a volume.
 *
 * A volume may still write its whole size if a snapshot shares its blocks, else what of it was never written. That much is kept
 * free for each, so a snapshot, a new volume or a larger one is refused when it would not be. It holds as long as nobody else
 * fills the file system, and unless over-provisioning beyond 100 % was asked for.
 */
import { statfs } from 'node:fs/promises'
import { formatBytes } from '#lib/base/sizes.ts'
import { allocatedBytes } from './image-file.ts'
import { headImage, type PoolContext } from './pool-context.ts'
import { VolumeError } from './volume-error.ts'
import type { VolumeRecord } from './volume-record.ts'

export interface PoolRoom {
  totalBytes: number
  availableBytes: number
  /** Sum of the volumes' sizes. */
  scheduledBytes: number
  /** What the volumes may still write. */
  promisedBytes: number
}

const promisedTo = async (context: PoolContext, record: VolumeRecord): Promise<number> => {
  // A copy under way still has to be written, as what a clone shares may have to be.
  if (record.pending?.kind === 'make-layer') return record.sizeBytes
  if (context.driver.sharesBlocks && record.snapshots.length > 0) return record.sizeBytes
  return Math.max(0, record.sizeBytes - (await allocatedBytes(headImage(context, record))))
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

export const poolRoom = async (context: PoolContext): Promise<PoolRoom> => {
  const { bavail, blocks, bsize } = await statfs(context.folder)
  const records = [...context.volumes.values()].map(({ record }) => record)
  const promised = await Promise.all(records.map((record) => promisedTo(context, record).catch(() => 0)))
  return {
    totalBytes: blocks * bsize,
    availableBytes: bavail * bsize,
    scheduledBytes: sum(records.map(({ sizeBytes }) => sizeBytes)),
    promisedBytes: sum(promised),
  }
}

const full = (what: string, room: PoolRoom, why: string): VolumeError =>
  new VolumeError(
    'pool-full',
    `no room for ${what}: ${formatBytes(room.availableBytes)} of ${formatBytes(room.totalBytes)} are free, ${why}`,
    {
      hint: 'delete snapshots that are backed up or volumes that nobody needs, or make the file system larger',
    },
  )

const checkWatermark = ({ config }: PoolContext, what: string, room: PoolRoom, takenBytes: number): void => {
  const least = (room.totalBytes * config.storageMinimalAvailablePercentage) / 100
  if (room.availableBytes - takenBytes >= least) return
  throw full(what, room, `and ${config.storageMinimalAvailablePercentage} % are to stay free`)
}

const checkPromise = ({ config }: PoolContext, what: string, room: PoolRoom, moreBytes: number): void => {
  if (config.storageOverProvisioningPercentage > 100) return
  const needed = room.promisedBytes + moreBytes
  if (room.availableBytes >= needed) return
  throw full(what, room, `and its volumes may still write ${formatBytes(needed)}`)
}

/** For a new volume, or as much more of one. @throws VolumeError `pool-full`. */
export const checkRoomForVolume = async (
  context: PoolContext,
  what: string,
  moreBytes: number,
): Promise<void> => {
  const room = await poolRoom(context)
  const most = (room.totalBytes * context.config.storageOverProvisioningPercentage) / 100
  if (room.scheduledBytes + moreBytes > most) {
    const scheduled = formatBytes(room.scheduledBytes + moreBytes)
    throw full(what, room, `and its volumes would have ${scheduled} together`)
  }
  checkWatermark(context, what, room, 0)
  checkPromise(context, what, room, moreBytes)
}

/** @throws VolumeError `pool-full`. */
export const checkRoomForSnapshot = async (context: PoolContext, record: VolumeRecord): Promise<void> => {
  const what = `a snapshot of volume ${record.name}`
  const room = await poolRoom(context)
  const allocated = await allocatedBytes(headImage(context, record))
  if (context.driver.sharesBlocks) {
    checkWatermark(context, what, room, 0)
    checkPromise(context, what, room, record.sizeBytes - (await promisedTo(context, record)))
  } else {
    checkWatermark(context, what, room, allocated)
    checkPromise(context, what, room, allocated)
  }
}

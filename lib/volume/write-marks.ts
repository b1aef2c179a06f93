/**
 * @module write-marks: what tells, without reading a volume, that nothing was written to it since some moment.
 *
 * The counters of its loop device are such a thing. Thawing ext4 writes its superblock once, before anybody else may write
 * (`ext4_unfreeze`, fs/ext4/super.c), so that one write after a freeze is none of the volume's users.
 */
import { stat } from 'node:fs/promises'
import { writeCounters, type LoopDevice, type WriteCounters } from './loop-devices.ts'
import { headImage } from './pool-context.ts'
import type { VolumeRecord, WriteMark } from './volume-record.ts'

export interface DeviceMark {
  mark: WriteMark
  read: WriteCounters
}

export const deviceMark = async (device: LoopDevice): Promise<DeviceMark> => {
  const read = await writeCounters(device)
  return { read, mark: { kind: 'device', attachment: read.attachment, counters: read.counters } }
}

export const detachedMark = async (context: { folder: string }, record: VolumeRecord): Promise<WriteMark> => {
  const { mtimeNs } = await stat(headImage(context, record), { bigint: true })
  const { head, attachments } = record
  return { kind: 'detached', headId: head.id, attachments, modifiedAt: String(mtimeNs) }
}

/** One superblock, in a file system with blocks of at most 64 KiB. */
const mostSectorsOfOneBlock = 128

const isExt = (fileSystem: string): boolean => /^ext[234]$/.test(fileSystem)

/**
 * The mark to keep of a moment while the file system was frozen: with the thaw's own write, where that can be told from any
 * other; else without it, so that a later look finds something written.
 */
export const markAfterThaw = async (
  device: LoopDevice,
  fileSystem: string,
  frozen: DeviceMark,
): Promise<WriteMark> => {
  const thawed = await deviceMark(device)
  const isOneBlock =
    thawed.read.writes - frozen.read.writes === 1 &&
    thawed.read.writtenSectors - frozen.read.writtenSectors <= mostSectorsOfOneBlock
  return isExt(fileSystem) && isOneBlock ? thawed.mark : frozen.mark
}

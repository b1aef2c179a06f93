/**
 * @module attachment-state: how a volume is attached at this moment.
 */
import { loopDeviceOf, type BackedDevice, type LoopDevice } from './loop-devices.ts'
import { headImage, type PoolContext } from './pool-context.ts'
import type { VolumeRecord } from './volume-record.ts'

/** `block`: a loop device. `file`: its file, without a device, for tests. `none`: for maintenance; nothing can write. */
export type Frontend = 'block' | 'file' | 'none'

export interface Attachment {
  frontend: Frontend
  /** The device or file to write to. */
  path: string | undefined
  device: LoopDevice | undefined
}

/** The kernel's word for devices, the record's for the rest. `undefined`: detached. */
export const attachmentOf = async (
  context: PoolContext,
  record: VolumeRecord,
  listed?: readonly BackedDevice[],
): Promise<Attachment | undefined> => {
  const image = headImage(context, record)
  const device = await loopDeviceOf(context.host, image, listed)
  if (device) return { frontend: 'block', path: device.path, device }
  if (record.frontend === null) return undefined
  const path = record.frontend === 'file' ? image : undefined
  return { frontend: record.frontend, path, device: undefined }
}

/**
 * @module pending: finishes, or takes back, the change of a volume that its record announces; and makes changes take turns.
 *
 * What is announced was begun by a process that died, or failed in this one. Safe to repeat.
 */
import { attachmentOf } from './attachment-state.ts'
import { thaw } from './freeze.ts'
import { loopDeviceOf, resizeLoopDevice } from './loop-devices.ts'
import { useOfDevice } from './mounts.ts'
import {
  headImage,
  layerFolder,
  requireVolume,
  volumeFolder,
  writeVolume,
  type PoolContext,
  type VolumeEntry,
} from './pool-context.ts'

export const removeVolume = async (context: PoolContext, entry: VolumeEntry): Promise<void> => {
  const { record } = entry
  const layers = [record.head.id, ...record.snapshots.map(({ id }) => id)]
  for (const id of layers) await context.driver.removeLayer(layerFolder(context, record, id))
  await context.host.removeTree(volumeFolder(context, record.name))
  context.volumes.delete(record.name)
}

export const finishExpansion = async (
  context: PoolContext,
  entry: VolumeEntry,
  sizeBytes: number,
): Promise<void> => {
  const { record } = entry
  await context.host.resizeFile(headImage(context, record), sizeBytes)
  const attachment = await attachmentOf(context, record)
  if (attachment?.device) await resizeLoopDevice(context.host, attachment.device)
  await writeVolume(context, entry, { ...record, sizeBytes, pending: null })
}

/** One that died while it held a file system frozen left it so. */
const thawMounts = async (context: PoolContext, { record }: VolumeEntry): Promise<void> => {
  const device = await loopDeviceOf(context.host, headImage(context, record))
  if (!device) return
  for (const { target } of (await useOfDevice(context.host, device.path)).mounts)
    if (await thaw(context.host, target)) context.log.warn('thawed a file system left frozen', { target })
}

export const settlePending = async (context: PoolContext, entry: VolumeEntry): Promise<void> => {
  const { record } = entry
  const { pending } = record
  if (!pending) return
  context.log.info('recovering a volume', { volume: record.name, pending: pending.kind })
  switch (pending.kind) {
    case 'create-volume':
    case 'restore-volume':
    case 'delete-volume':
      return removeVolume(context, entry)
    case 'make-layer':
      await thawMounts(context, entry)
      await context.driver.removeLayer(layerFolder(context, record, pending.layerId))
      return writeVolume(context, entry, { ...record, pending: null })
    case 'remove-layer':
      await context.driver.removeLayer(layerFolder(context, record, pending.layerId))
      return writeVolume(context, entry, { ...record, pending: null })
    case 'expand':
      return finishExpansion(context, entry, pending.sizeBytes)
    default:
      return pending satisfies never
  }
}

/** One change of a volume at a time, each from a record with nothing under way. @throws VolumeError `volume-not-found`. */
export const changeVolume = async <T>(
  context: PoolContext,
  name: string,
  work: (entry: VolumeEntry) => Promise<T>,
): Promise<T> => {
  const { inTurn } = requireVolume(context, name)
  return inTurn(async () => {
    // It may have been deleted while this waited.
    const entry = requireVolume(context, name)
    await settlePending(context, entry)
    return work(entry)
  })
}

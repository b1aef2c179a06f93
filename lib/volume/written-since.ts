/**
 * @module written-since: whether anything was written to a volume since its newest snapshot. Freezes nothing, leaves nothing behind; in doubt yes.
 */
import { syncLoopDevice } from './loop-devices.ts'
import { attachmentOf, type Attachment } from './attachment-state.ts'
import { changedContent } from './changed-content.ts'
import { writableMountOf } from './mounts.ts'
import { changeVolume } from './pending.ts'
import { layerFolder, writeVolume, type PoolContext, type VolumeEntry } from './pool-context.ts'
import { imageOf } from './pool-driver.ts'
import { requireSnapshot, type SnapshotRecord, type WriteMark } from './volume-record.ts'
import { detachedMark, deviceMark } from './write-marks.ts'

const isSameMark = (a: WriteMark | null, b: WriteMark | undefined): boolean =>
  JSON.stringify(a) === JSON.stringify(b)

/** What is in memory goes to the device, where it is counted. This by itself writes nothing. */
const currentMark = async (
  context: PoolContext,
  { record }: VolumeEntry,
  attachment: Attachment | undefined,
): Promise<WriteMark | undefined> => {
  if (!attachment || attachment.frontend === 'none') return detachedMark(context, record)
  const { device } = attachment
  if (!device) return undefined
  const mount = await writableMountOf(context.host, device.path)
  if (mount) await context.host.ask('sync', ['--file-system', mount.target])
  await syncLoopDevice(device)
  return (await deviceMark(device)).mark
}

const differs = async (context: PoolContext, base: string, layer: string): Promise<boolean> => {
  const changed = context.driver.changedExtents(base, layer)
  for await (const _ of changedContent(imageOf(base), imageOf(layer), changed)) return true
  return false
}

/** Compares with the head: at rest as it is, else a clone that is thrown away where one costs nothing. */
const headDiffers = async (
  context: PoolContext,
  entry: VolumeEntry,
  snapshot: SnapshotRecord,
  isAtRest: boolean,
): Promise<boolean> => {
  const { record } = entry
  const [base, head] = [snapshot.id, record.head.id].map((id) => layerFolder(context, record, id))
  if (base === undefined || head === undefined) return true
  if (isAtRest) {
    await context.host.sync(imageOf(head))
    return differs(context, base, head)
  }
  if (context.driver.kind !== 'btrfs') return true
  const layerId = context.ids.name('probe')
  const probe = layerFolder(context, record, layerId)
  await writeVolume(context, entry, { ...record, pending: { kind: 'make-layer', layerId } })
  try {
    await context.driver.cloneLayer(head, probe, { isReadOnly: true })
    return await differs(context, base, probe)
  } finally {
    await context.driver.removeLayer(probe)
    await writeVolume(context, entry, { ...record, pending: null })
  }
}

const withMark = (snapshots: readonly SnapshotRecord[], id: string, writeMark: WriteMark): SnapshotRecord[] =>
  snapshots.map((snapshot) => (snapshot.id === id ? { ...snapshot, writeMark } : snapshot))

/**
 * `false` only if the head is what the snapshot is, but for the superblock that a thaw writes. Cheap where the device's counters
 * have not moved; what it learns by comparing it keeps. @throws VolumeError `snapshot-not-found`.
 */
export const hasWritesSince = (
  context: PoolContext,
  volumeName: string,
  snapshotName: string,
): Promise<boolean> => {
  return changeVolume(context, volumeName, async (entry) => {
    const { record } = entry
    const snapshot = requireSnapshot(record, snapshotName)
    if (record.head.parentId !== snapshot.id || record.sizeBytes !== snapshot.sizeBytes) return true
    const attachment = await attachmentOf(context, record)
    const mark = await currentMark(context, entry, attachment)
    if (isSameMark(snapshot.writeMark, mark)) return false
    const isAtRest = !attachment || attachment.frontend === 'none'
    if (await headDiffers(context, entry, snapshot, isAtRest)) return true
    if (mark)
      await writeVolume(context, entry, {
        ...entry.record,
        snapshots: withMark(entry.record.snapshots, snapshot.id, mark),
      })
    return false
  })
}

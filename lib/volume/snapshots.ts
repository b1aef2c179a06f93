/**
 * @module snapshots: taking, deleting and going back to snapshots of a volume.
 *
 * With a file system mounted from the volume's device: synced, frozen, cloned, thawed. Without one but with a device: what its
 * users flushed is in it, in the order of their flushes. Nothing attached: as it is.
 */
import { rfc3339 } from '#lib/base/clock.ts'
import { requireNoFrontend } from './attachment.ts'
import { attachmentOf, type Attachment } from './attachment-state.ts'
import { whileFrozen } from './freeze.ts'
import { syncLoopDevice, type LoopDevice } from './loop-devices.ts'
import { writableMountOf } from './mounts.ts'
import { changeVolume } from './pending.ts'
import {
  checkLayer,
  layerFolder,
  removeLayer,
  writeVolume,
  type PoolContext,
  type VolumeEntry,
} from './pool-context.ts'
import { imageOf } from './pool-driver.ts'
import { checkRoomForSnapshot } from './room.ts'
import { VolumeError } from './volume-error.ts'
import {
  checkVolumeName,
  findSnapshot,
  requireSnapshot,
  withoutSnapshot,
  type SnapshotRecord,
  type WriteMark,
} from './volume-record.ts'
import { detachedMark, deviceMark, markAfterThaw } from './write-marks.ts'

/** Longhorn's `MaxSnapshotNum`. */
export const mostSnapshots = 250

export interface NewSnapshot {
  /** Default: made, `snap-{16 hex}`. */
  name?: string | undefined
  /** Default: true. Those made for a backup alone are not. */
  isUserCreated?: boolean | undefined
  labels?: Record<string, string> | undefined
}

interface Taken {
  consistency: SnapshotRecord['consistency']
  writeMark: WriteMark | null
}

const notConsistent = (name: string, why: string): VolumeError =>
  new VolumeError('not-consistent', `volume ${name}: ${why}`, {
    hint: 'this pool copies files to make a snapshot, so nothing may be written meanwhile: detach the volume, give the freeze more time, or use a pool on Btrfs or XFS',
  })

interface Taking {
  context: PoolContext
  entry: VolumeEntry
  clone: () => Promise<void>
}

const takeMounted = async (
  { context, entry, clone }: Taking,
  device: LoopDevice,
  mount: { target: string; fileSystem: string },
): Promise<Taken> => {
  const options = { mountpoint: mount.target, deadlineMs: context.freezeDeadlineMs }
  const { result: frozenMark, wasFrozen } = await whileFrozen(context.host, options, async () => {
    const mark = await deviceMark(device)
    await clone()
    return mark
  })
  if (!wasFrozen && !context.driver.clonesOneMoment)
    throw notConsistent(entry.record.name, `${mount.target} was not frozen until the snapshot was complete`)
  if (!wasFrozen) return { consistency: 'crash', writeMark: frozenMark.mark }
  return { consistency: 'filesystem', writeMark: await markAfterThaw(device, mount.fileSystem, frozenMark) }
}

const takeAttached = async (taking: Taking, { device }: Attachment): Promise<Taken> => {
  const { context, entry, clone } = taking
  const mount = device && (await writableMountOf(context.host, device.path))
  if (device && mount) return takeMounted(taking, device, mount)
  if (!context.driver.clonesOneMoment)
    throw notConsistent(
      entry.record.name,
      'it is attached, and no file system is mounted that could be frozen',
    )
  if (!device) {
    await clone()
    return { consistency: 'crash', writeMark: null }
  }
  await syncLoopDevice(device)
  const { mark } = await deviceMark(device)
  await clone()
  return { consistency: 'crash', writeMark: mark }
}

const take = async (taking: Taking): Promise<Taken> => {
  const { context, entry, clone } = taking
  const attachment = await attachmentOf(context, entry.record)
  if (attachment && attachment.frontend !== 'none') return takeAttached(taking, attachment)
  const writeMark = await detachedMark(context, entry.record)
  await clone()
  return { consistency: 'at-rest', writeMark }
}

const checkNew = ({ record }: VolumeEntry, name: string): void => {
  checkVolumeName('snapshot', name)
  if (findSnapshot(record, name)) {
    throw new VolumeError('snapshot-exists', `volume ${record.name} has a snapshot ${name} already`, {
      hint: 'choose another name',
    })
  }
  if (record.snapshots.length >= mostSnapshots) {
    throw new VolumeError('pool-full', `volume ${record.name} has ${mostSnapshots} snapshots already`, {
      hint: 'delete some of them',
    })
  }
}

/**
 * Makes a layer that nothing names until `work` does; a failure takes it back. Announcing it promises room to what may then have
 * to be written twice, so it is done in the turn in which that room was found.
 */
const withNewLayer = async <T>(
  context: PoolContext,
  entry: VolumeEntry,
  prefix: string,
  work: (layer: string, layerId: string) => Promise<T>,
): Promise<T> => {
  const layerId = context.ids.name(prefix)
  const layer = layerFolder(context, entry.record, layerId)
  await context.inTurn(async () => {
    await checkRoomForSnapshot(context, entry.record)
    await writeVolume(context, entry, { ...entry.record, pending: { kind: 'make-layer', layerId } })
  })
  try {
    return await work(layer, layerId)
  } catch (error) {
    await context.driver.removeLayer(layer)
    await writeVolume(context, entry, { ...entry.record, pending: null })
    throw error
  }
}

/** @throws VolumeError `snapshot-exists`, `pool-full`, `not-consistent`. */
export const createSnapshot = (
  context: PoolContext,
  volumeName: string,
  wanted: NewSnapshot,
): Promise<SnapshotRecord> => {
  return changeVolume(context, volumeName, async (entry) => {
    const name = wanted.name ?? context.ids.name('snap')
    checkNew(entry, name)
    return withNewLayer(context, entry, 'snap', async (layer, id) => {
      const { record } = entry
      const head = layerFolder(context, record, record.head.id)
      const createdAt = rfc3339(context.clock.now())
      const clone = () => context.driver.cloneLayer(head, layer, { isReadOnly: true })
      const { consistency, writeMark } = await take({ context, entry, clone })
      await context.driver.settleLayer(layer)
      await checkLayer(layer, record.sizeBytes)
      const snapshot: SnapshotRecord = {
        id,
        identity: await context.driver.identityOf(layer),
        name,
        parentId: record.head.parentId,
        createdAt,
        isUserCreated: wanted.isUserCreated ?? true,
        labels: wanted.labels ?? {},
        sizeBytes: record.sizeBytes,
        consistency,
        writeMark,
      }
      await writeVolume(context, entry, {
        ...record,
        head: { ...record.head, parentId: id },
        snapshots: [...record.snapshots, snapshot],
        pending: null,
      })
      return snapshot
    })
  })
}

/** Anywhere in the tree. @throws VolumeError `snapshot-not-found`, `snapshot-in-use`. */
export const deleteSnapshot = (context: PoolContext, volumeName: string, name: string): Promise<void> => {
  return changeVolume(context, volumeName, async (entry) => {
    const { id } = requireSnapshot(entry.record, name)
    if (entry.readers.has(id)) {
      throw new VolumeError('snapshot-in-use', `snapshot ${name} of volume ${volumeName} is being read`, {
        hint: 'wait until its backup has ended, or cancel it',
      })
    }
    await removeLayer(context, entry, withoutSnapshot(entry.record, id), id)
  })
}

/**
 * The head becomes what the snapshot is, of the volume's present size; other branches stay. What was written since is gone,
 * unless a snapshot has it. @throws VolumeError `snapshot-not-found`, `volume-attached`, `pool-full`.
 */
export const revertVolume = (context: PoolContext, volumeName: string, name: string): Promise<void> => {
  return changeVolume(context, volumeName, async (entry) => {
    const snapshot = requireSnapshot(entry.record, name)
    await requireNoFrontend(context, entry.record, 'revert it')
    const oldHeadId = entry.record.head.id
    const headId = await withNewLayer(context, entry, 'head', async (layer, layerId) => {
      const { record } = entry
      const from = layerFolder(context, record, snapshot.id)
      await checkLayer(from, snapshot.sizeBytes)
      await context.driver.cloneLayer(from, layer, { isReadOnly: false })
      if (record.sizeBytes !== snapshot.sizeBytes)
        await context.host.resizeFile(imageOf(layer), record.sizeBytes)
      await context.driver.settleLayer(layer)
      await checkLayer(layer, record.sizeBytes)
      return layerId
    })
    const record = { ...entry.record, head: { id: headId, parentId: snapshot.id } }
    await removeLayer(context, entry, record, oldHeadId)
  })
}

/**
 * @module snapshot-reader: a snapshot's content, and what of it changed.
 */
import { open, stat } from 'node:fs/promises'
import { dataExtents } from '#lib/base/linux-sparse-file.ts'
import { joined, type Extent } from './extents.ts'
import { checkLayer, layerFolder, requireVolume, type PoolContext, type VolumeEntry } from './pool-context.ts'
import { imageOf } from './pool-driver.ts'
import { changeVolume } from './pending.ts'
import { VolumeError } from './volume-error.ts'
import { requireSnapshot, type SnapshotRecord } from './volume-record.ts'

export interface SnapshotView extends SnapshotRecord {
  parent: string | undefined
  children: string[]
  /** Whether the head was last at this snapshot. */
  isHeadParent: boolean
  /** What only this snapshot has on the disk, and its deletion frees. `undefined`: it is damaged, its file cannot be read. */
  ownBytes: number | undefined
}

export interface SnapshotReader {
  readonly snapshot: SnapshotRecord
  /** To read as a file. It never changes. */
  readonly path: string
  /** What was ever written and not discarded: all else is zeros. Units of 4 KiB, ascending. */
  allocated(): AsyncIterable<Extent>
  /**
   * What may differ from another snapshot of the volume, never less than what does, in units of 4 KiB, ascending.
   * @throws VolumeError `snapshot-not-found`; `layer-damaged` if either is not the layer that was recorded.
   */
  changedSince(baseName: string): AsyncIterable<Extent>
  close(): void
}

const layerOf = (context: PoolContext, { record }: VolumeEntry, { id }: SnapshotRecord): string =>
  layerFolder(context, record, id)

/** What is recorded of them: asks the file system nothing. */
export const recordedSnapshots = (context: PoolContext, volumeName: string): readonly SnapshotRecord[] =>
  requireVolume(context, volumeName).record.snapshots

/** The one that the head was last at, if it is there. */
export const headSnapshot = (context: PoolContext, volumeName: string): SnapshotRecord | undefined => {
  const { head, snapshots } = requireVolume(context, volumeName).record
  return snapshots.find(({ id }) => id === head.parentId)
}

export const listSnapshots = async (context: PoolContext, volumeName: string): Promise<SnapshotView[]> => {
  const entry = requireVolume(context, volumeName)
  const { head, snapshots } = entry.record
  const nameOf = (id: string | null) => snapshots.find((snapshot) => snapshot.id === id)?.name
  return Promise.all(
    snapshots.map(async (snapshot) => ({
      ...snapshot,
      parent: nameOf(snapshot.parentId),
      children: snapshots.filter(({ parentId }) => parentId === snapshot.id).map(({ name }) => name),
      isHeadParent: head.parentId === snapshot.id,
      // One that is damaged must not hide the others.
      ownBytes: await context.driver.ownBytes(layerOf(context, entry, snapshot)).catch(() => undefined),
    })),
  )
}

/** That it is there, whole, and the one that was recorded. @throws VolumeError `layer-damaged`. */
const checkSnapshot = async (
  context: PoolContext,
  entry: VolumeEntry,
  snapshot: SnapshotRecord,
): Promise<void> => {
  const layer = layerOf(context, entry, snapshot)
  await checkLayer(layer, snapshot.sizeBytes)
  if ((await context.driver.identityOf(layer)) === snapshot.identity) return
  throw new VolumeError('layer-damaged', `${layer} is not the snapshot ${snapshot.name} that was recorded`, {
    hint: 'somebody replaced it: delete the snapshot; the next backup compares content',
  })
}

const allocatedIn = async function* (path: string): AsyncGenerator<Extent> {
  const { size } = await stat(path)
  const file = await open(path, 'r')
  try {
    yield* joined(dataExtents(file.fd), size)
  } finally {
    await file.close()
  }
}

/** Until what it gives is called, once or more, nobody deletes the snapshot. */
const beginReading = ({ readers }: VolumeEntry, { id }: SnapshotRecord): (() => void) => {
  let isOpen = true
  readers.set(id, (readers.get(id) ?? 0) + 1)
  return () => {
    if (!isOpen) return
    isOpen = false
    const left = (readers.get(id) ?? 1) - 1
    if (left === 0) readers.delete(id)
    else readers.set(id, left)
  }
}

/** @throws VolumeError `snapshot-not-found`, `layer-damaged`. */
export const openSnapshot = (
  context: PoolContext,
  volumeName: string,
  name: string,
): Promise<SnapshotReader> => {
  return changeVolume(context, volumeName, async (entry) => {
    const snapshot = requireSnapshot(entry.record, name)
    await checkSnapshot(context, entry, snapshot)
    const layer = layerOf(context, entry, snapshot)
    const close = beginReading(entry, snapshot)
    return {
      snapshot,
      path: imageOf(layer),
      allocated: () => allocatedIn(imageOf(layer)),
      changedSince: async function* (baseName) {
        const base = requireSnapshot(entry.record, baseName)
        const closeBase = beginReading(entry, base)
        try {
          await checkSnapshot(context, entry, base)
          yield* context.driver.changedExtents(layerOf(context, entry, base), layer)
        } finally {
          closeBase()
        }
      },
      close,
    }
  })
}

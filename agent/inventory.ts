/**
 * @module inventory: all that this node holds, as the control plane is told it.
 */
import type { HeldSnapshot, HeldVolume } from '#lib/api/node-messages.ts'
import type { Pool, VolumeView } from '#lib/volume/pool.ts'
import { VolumeError } from '#lib/volume/volume-error.ts'
import type { SnapshotRecord } from '#lib/volume/volume-record.ts'

const heldSnapshot = (
  { name, parentId, createdAt, isUserCreated, labels, sizeBytes, consistency }: SnapshotRecord,
  all: readonly SnapshotRecord[],
): HeldSnapshot => ({
  name,
  parent: all.find(({ id }) => id === parentId)?.name ?? null,
  createdAt,
  isUserCreated,
  labels,
  sizeBytes,
  consistency,
})

const heldVolume = (
  pool: Pick<Pool, 'recordedSnapshots'>,
  { name, sizeBytes, actualSizeBytes, state, path, createdAt }: VolumeView,
): HeldVolume => {
  const records = pool.recordedSnapshots(name)
  const snapshots = records.map((record) => heldSnapshot(record, records))
  return { name, sizeBytes, actualSizeBytes, state, path: path ?? null, createdAt, snapshots }
}

/** By name. @throws VolumeError. */
export const heldVolumes = async (
  pool: Pick<Pool, 'listVolumes' | 'recordedSnapshots'>,
): Promise<HeldVolume[]> =>
  (await pool.listVolumes())
    .flatMap((view) => {
      try {
        return [heldVolume(pool, view)]
      } catch (error) {
        // Deleted since the list was made.
        if (error instanceof VolumeError && error.code === 'volume-not-found') return []
        throw error
      }
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))

/** What makes it worth telling at once. How much a volume has on the disk changes with every write: that is told in its time. */
export const contentOf = (volumes: readonly HeldVolume[]): string =>
  JSON.stringify(volumes.map((volume) => ({ ...volume, actualSizeBytes: 0 })))

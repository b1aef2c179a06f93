/**
 * @module operation-ended: what becomes of a volume in the catalog when an operation on it has ended. The rest, and what was lost
 * on the way, its node's inventory tells.
 *
 * Any order, any number of times: an end may be told again long after, when the volume is another one of its name. A row is
 * made before the first operation on it, so an operation older than the row is of another volume.
 */
import * as z from 'zod'
import { isEnded, type Operation } from '#lib/operation/operation.ts'
import type { OperationKind } from '#lib/operation/operation-kinds.ts'
import { catalogKeys } from './catalog-keys.ts'
import type { Catalog } from './catalog.ts'
import type { Volume } from './entities.ts'

export interface RecordVolumeOutcomeDeps {
  catalog: Pick<Catalog, 'operations' | 'volumes' | 'snapshots'>
}

export type VolumeAfterEnd = { kind: 'as-it-is' } | { kind: 'gone' } | { kind: 'changed'; volume: Volume }

const asItIs: VolumeAfterEnd = { kind: 'as-it-is' }
const gone: VolumeAfterEnd = { kind: 'gone' }
const changed = (volume: Volume, more: Partial<Volume>): VolumeAfterEnd => ({
  kind: 'changed',
  volume: { ...volume, ...more },
})

/** Of which results are read (volume-performers.ts); what is missing in one stays as it was. */
const Result = z.object({
  sizeBytes: z.int().nonnegative().optional().catch(undefined),
  path: z.string().nullable().optional().catch(undefined),
})

const isOf = (operation: Operation, volume: Volume): boolean =>
  operation.generation === volume.generation &&
  operation.node === volume.node &&
  Date.parse(operation.createdAt) >= Date.parse(volume.createdAt)

/** A node that was not heard from may have made it all the same: then it keeps its jobs and its target. */
const afterMaking = ({ state, failure }: Operation, volume: Volume, sizeBytes: number): VolumeAfterEnd => {
  if (volume.state !== 'creating' && volume.state !== 'restoring') return asItIs
  if (state === 'succeeded') return changed(volume, { state: 'detached', sizeBytes })
  return failure?.code === 'lost' ? changed(volume, { state: 'missing' }) : gone
}

/** One that an attach came before is attached: its node does not tell again what it told while the row said `deleting`. */
const afterDeleting = ({ state, failure }: Operation, volume: Volume): VolumeAfterEnd => {
  if (state === 'succeeded') return gone
  if (volume.state !== 'deleting') return asItIs
  const isAttached = volume.path !== null || failure?.code === 'volume-attached'
  return changed(volume, { state: isAttached ? 'attached' : 'detached' })
}

/** Pure. Of one that has not ended, and of a volume placed anew since, nothing. */
export const volumeAfterEnd = (operation: Operation, volume: Volume): VolumeAfterEnd => {
  if (!isEnded(operation) || !isOf(operation, volume)) return asItIs
  const hasSucceeded = operation.state === 'succeeded'
  const { sizeBytes = volume.sizeBytes, path = null } = Result.parse(operation.result ?? {})
  switch (operation.kind) {
    case 'create-volume':
    case 'restore-backup':
      return afterMaking(operation, volume, sizeBytes)
    case 'delete-volume':
      return afterDeleting(operation, volume)
    case 'attach-volume':
      return hasSucceeded && volume.state !== 'deleting'
        ? changed(volume, { state: 'attached', path })
        : asItIs
    case 'detach-volume':
      return hasSucceeded && volume.state !== 'deleting'
        ? changed(volume, { state: 'detached', path: null })
        : asItIs
    case 'expand-volume':
      // Volumes only grow: an older end, told again, takes nothing back.
      return hasSucceeded && sizeBytes > volume.sizeBytes ? changed(volume, { sizeBytes }) : asItIs
    case 'create-snapshot':
    case 'delete-snapshot':
    case 'revert-volume':
    case 'create-backup':
    case 'delete-backup':
    case 'collect-blocks':
    case 'verify-backup':
      return asItIs
    default:
      return operation.kind satisfies never
  }
}

const attaching: readonly OperationKind[] = ['attach-volume', 'detach-volume']
/** An end is told again within minutes; a volume has not this many operations meanwhile. */
const mostLater = 100

/** Attached and detached take turns: an end told again must not undo what a later operation did. */
const isOvertaken = async (
  { catalog }: RecordVolumeOutcomeDeps,
  { id, kind, cluster, volume, endedAt }: Operation,
): Promise<boolean> => {
  if (!attaching.includes(kind) || endedAt === null) return false
  const { partition } = catalogKeys.operationOfVolume(cluster, volume, '')
  const { values } = await catalog.operations.list({
    index: 'first',
    partition,
    order: 'descending',
    limit: mostLater,
  })
  return values.some(
    (other) =>
      other.id !== id &&
      attaching.includes(other.kind) &&
      other.state === 'succeeded' &&
      Date.parse(other.endedAt ?? '') > Date.parse(endedAt),
  )
}

const removeSnapshots = async (
  { catalog }: RecordVolumeOutcomeDeps,
  { cluster, volume }: Operation,
): Promise<void> => {
  const { partition } = catalogKeys.snapshot(cluster, volume, '')
  for await (const { name } of catalog.snapshots.all({ partition }))
    await catalog.snapshots.remove(catalogKeys.snapshot(cluster, volume, name))
}

/** Safe to repeat. Of an operation that has not ended nothing. */
export const recordVolumeOutcome =
  (deps: RecordVolumeOutcomeDeps) =>
  async (operation: Operation): Promise<void> => {
    const { volumes } = deps.catalog
    const key = catalogKeys.volume(operation.cluster, operation.volume)
    const row = await volumes.get(key)
    const after = row ? volumeAfterEnd(operation, row) : asItIs
    if (after.kind === 'as-it-is' || (await isOvertaken(deps, operation))) return
    if (after.kind === 'gone') {
      // Before the row, which tells the next try that there may be more of them.
      await removeSnapshots(deps, operation)
      await volumes.remove(key, (there) => volumeAfterEnd(operation, there).kind === 'gone')
    } else {
      await volumes.change(key, (there) => {
        const next = there && volumeAfterEnd(operation, there)
        return next?.kind === 'changed' ? next.volume : undefined
      })
    }
  }

/**
 * @module apply-inventory: makes the catalog's rows of a node's volumes and snapshots equal to what the node says that it holds.
 *
 * - A volume's row is never deleted because of it: one that the node does not have is `missing`.
 * - A volume that has no row gets one: it was made by hand, in the pool itself.
 * - Only rows that differ are written. Safe to repeat, and to be cut off: it is done again with the next inventory.
 */
import { isDeepStrictEqual } from 'node:util'
import { gathered } from '#lib/base/gathered.ts'
import type { Log } from '#lib/base/log.ts'
import { catalogKeys } from './catalog-keys.ts'
import type { Catalog } from './catalog.ts'
import type { Node, Snapshot, Volume } from './entities.ts'

export interface HeldSnapshot extends Omit<Snapshot, 'cluster' | 'volume'> {}

export interface HeldVolume {
  name: string
  sizeBytes: number
  actualSizeBytes: number
  state: 'attached' | 'detached' | 'damaged'
  path: string | null
  createdAt: string
  snapshots: HeldSnapshot[]
}

export interface ApplyInventoryDeps {
  catalog: Pick<Catalog, 'volumes' | 'snapshots'>
  log: Log
}

const newVolume = ({ cluster, name: node }: Node, held: HeldVolume): Volume => {
  const { snapshots: _, ...seen } = held
  return { ...seen, cluster, node, generation: 1, jobs: [], groups: [], target: null, backupVolume: null }
}

const seenVolume = (there: Volume, held: HeldVolume): Volume => {
  const { sizeBytes, actualSizeBytes, path, state } = held
  return {
    ...there,
    sizeBytes,
    actualSizeBytes,
    path,
    state: there.state === 'deleting' ? 'deleting' : state,
  }
}

/** What is in no inventory: it is on its way into being, or out of it; else it is missing. */
const unseenVolume = (there: Volume): Volume =>
  there.state === 'creating' || there.state === 'restoring' || there.state === 'deleting'
    ? there
    : { ...there, state: 'missing', path: null }

const ifChanged = <T>(there: T | undefined, wanted: T): T | undefined =>
  isDeepStrictEqual(there, wanted) ? undefined : wanted

/** @returns whether the volume is that node's. */
const applyVolume = async (
  { catalog, log }: ApplyInventoryDeps,
  node: Node,
  held: HeldVolume,
): Promise<boolean> => {
  const row = await catalog.volumes.change(catalogKeys.volume(node.cluster, held.name), (there) => {
    if (!there) return newVolume(node, held)
    return there.node === node.name ? ifChanged(there, seenVolume(there, held)) : undefined
  })
  if (row?.node === node.name) return true
  log.warn('a node holds a volume that is placed on another', {
    node: node.name,
    volume: held.name,
    placedOn: row?.node,
  })
  return false
}

const applySnapshots = async (
  { catalog }: ApplyInventoryDeps,
  { cluster }: Node,
  { name: volume, snapshots: held }: HeldVolume,
): Promise<void> => {
  const { partition } = catalogKeys.snapshot(cluster, volume, '')
  const rows = new Map((await gathered(catalog.snapshots.all({ partition }))).map((row) => [row.name, row]))
  for (const snapshot of held) {
    const wanted: Snapshot = { ...snapshot, cluster, volume }
    if (ifChanged(rows.get(snapshot.name), wanted))
      await catalog.snapshots.change(catalogKeys.snapshot(cluster, volume, snapshot.name), () => wanted)
    rows.delete(snapshot.name)
  }
  for (const name of rows.keys()) await catalog.snapshots.remove(catalogKeys.snapshot(cluster, volume, name))
}

const applyAbsence = async (
  { catalog }: ApplyInventoryDeps,
  node: Node,
  held: ReadonlySet<string>,
): Promise<void> => {
  const { partition } = catalogKeys.volumeOfNode(node.name, '', '')
  const rows = await gathered(catalog.volumes.all({ index: 'first', partition }))
  const unseen = rows.filter(({ cluster, name }) => cluster === node.cluster && !held.has(name))
  for (const { cluster, name } of unseen)
    // An index may lag behind: the row itself decides.
    await catalog.volumes.change(catalogKeys.volume(cluster, name), (there) =>
      there?.node === node.name ? ifChanged(there, unseenVolume(there)) : undefined,
    )
}

export const applyInventory =
  (deps: ApplyInventoryDeps) =>
  async (node: Node, volumes: readonly HeldVolume[]): Promise<void> => {
    for (const held of volumes)
      if (await applyVolume(deps, node, held)) await applySnapshots(deps, node, held)
    await applyAbsence(deps, node, new Set(volumes.map(({ name }) => name)))
  }

/**
 * @module record-heartbeat: takes what a node says of itself every 30 s into the catalog: that it is there, what it works on, what
 * its pool has, and, when that changed, all that it holds.
 *
 * Safe to repeat. That an inventory was applied is written last: one that was cut off is applied again with the next.
 */
import type { Clock } from '#lib/base/clock.ts'
import { isEnded } from '#lib/operation/operation.ts'
import { applyInventory, type ApplyInventoryDeps, type HeldVolume } from './apply-inventory.ts'
import { catalogKeys } from './catalog-keys.ts'
import type { Catalog } from './catalog.ts'
import type { Node } from './entities.ts'

export interface NodeInventory {
  process: string
  /** Grows within a process of the agent. */
  number: number
  volumes: HeldVolume[]
}

export interface NodeHeartbeat {
  version: string
  /** Left out: as it was told last. */
  pool?: NonNullable<Node['pool']> | undefined
  /** Operations that it has taken on and not ended, by id. */
  running: readonly string[]
  inventory?: NodeInventory | undefined
}

export interface RecordHeartbeatDeps extends ApplyInventoryDeps {
  catalog: Pick<Catalog, 'nodes' | 'operations' | 'volumes' | 'snapshots'>
  clock: Pick<Clock, 'now'>
}

const isOld = ({ inventory: last }: Node, { process, number }: NodeInventory): boolean =>
  last?.process === process && number <= last.number

const noteRunning = async (
  { operations }: Pick<Catalog, 'operations'>,
  node: string,
  { ids, heardAt }: { ids: readonly string[]; heardAt: string },
): Promise<void> => {
  for (const id of ids)
    await operations.change(catalogKeys.operation(id), (there) =>
      there?.node === node && !isEnded(there) ? { ...there, heardAt } : undefined,
    )
}

/** @returns the node; `undefined`: there is none of that name any more. */
export const recordHeartbeat =
  (deps: RecordHeartbeatDeps) =>
  async (name: string, heartbeat: NodeHeartbeat): Promise<Node | undefined> => {
    const { catalog, clock } = deps
    const { version, pool, running, inventory } = heartbeat
    const key = catalogKeys.node(name)
    const heardAt = clock.now().toISOString()
    const node = await catalog.nodes.change(
      key,
      (there) => there && { ...there, heardAt, version, ...(pool && { pool }) },
    )
    if (!node) return undefined
    await noteRunning(catalog, name, { ids: running, heardAt })
    if (!inventory || isOld(node, inventory)) return node
    await applyInventory(deps)(node, inventory.volumes)
    const { process, number } = inventory
    return catalog.nodes.change(key, (there) =>
      there && !isOld(there, inventory) ? { ...there, inventory: { process, number } } : undefined,
    )
  }

/**
 * @module begin-operation: whether an operation is still wanted, asked by its worker just before it begins: not ended, not
 * cancelled, of this node, and of the placement that its volume has now.
 *
 * Safe to repeat: one that was begun, and whose worker died, asks again.
 */
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import { isEnded, type Operation } from '#lib/operation/operation.ts'
import type { OperationKind } from '#lib/operation/operation-kinds.ts'
import { catalogKeys } from './catalog-keys.ts'
import type { Catalog } from './catalog.ts'
import type { Volume } from './entities.ts'

export interface BeginOperationDeps {
  catalog: Pick<Catalog, 'operations' | 'volumes'>
}

export type BeginPermission = { kind: 'go' } | { kind: 'cancelled' } | { kind: 'not-current'; reason: string }

export interface BeginResult {
  permission: BeginPermission
  /** `undefined`: there is none of that id for that node. */
  operation: Operation | undefined
}

const makesVolume = (kind: OperationKind): boolean => kind === 'create-volume' || kind === 'restore-backup'

const obstacleIn = (operation: Operation, row: Volume | undefined): string | undefined => {
  const { kind, volume, node, generation } = operation
  if (!row) return makesVolume(kind) ? undefined : `there is no volume ${volume} any more`
  if (row.node !== node) return `volume ${volume} is on node ${row.node} now`
  if (row.generation !== generation) return `volume ${volume} was placed anew since it was asked for`
  return undefined
}

const permissionFor = async (
  { catalog }: BeginOperationDeps,
  operation: Operation,
): Promise<BeginPermission> => {
  if (isEnded(operation)) return { kind: 'not-current', reason: `it has ended: ${operation.state}` }
  if (operation.isCancelRequested) return { kind: 'cancelled' }
  // Its worker holds no volumes.
  if (operation.node === controlPlaneNode) return { kind: 'go' }
  const row = await catalog.volumes.get(catalogKeys.volume(operation.cluster, operation.volume))
  const reason = obstacleIn(operation, row)
  return reason === undefined ? { kind: 'go' } : { kind: 'not-current', reason }
}

/** Changes nothing. */
export const beginOperation =
  (deps: BeginOperationDeps) =>
  async (operationId: string, node: string): Promise<BeginResult> => {
    const operation = await deps.catalog.operations.get(catalogKeys.operation(operationId))
    if (operation?.node === node) return { permission: await permissionFor(deps, operation), operation }
    const reason = operation ? `it is for node ${operation.node}` : 'there is no such operation any more'
    return { permission: { kind: 'not-current', reason }, operation: undefined }
  }

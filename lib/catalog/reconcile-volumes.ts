/**
 * @module reconcile-volumes: volumes that are said to be made, restored or deleted while no operation does: what wrote the one was
 * cut off before it wrote the other.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { isEnded, type Operation } from '#lib/operation/operation.ts'
import { catalogKeys } from './catalog-keys.ts'
import type { Catalog } from './catalog.ts'
import type { Volume } from './entities.ts'
import { recordVolumeOutcome } from './operation-ended.ts'

export interface ReconcileVolumesDeps {
  catalog: Pick<Catalog, 'operations' | 'volumes' | 'snapshots'>
  clock: Pick<Clock, 'now'>
  log: Log
}

/** What lies at most between the one and the other. */
const graceMs = 5 * 60_000

const isOnItsWay = ({ state }: Volume): boolean =>
  state === 'creating' || state === 'restoring' || state === 'deleting'

const newestOperation = async (
  { catalog }: ReconcileVolumesDeps,
  { cluster, name }: Volume,
): Promise<Operation | undefined> => {
  const { partition } = catalogKeys.operationOfVolume(cluster, name, 'x')
  const query = { index: 'first', partition, order: 'descending', limit: 1 } as const
  return (await catalog.operations.list(query)).values[0]
}

/** One whose deletion had begun is `detached` again: its node's next inventory says more. */
const takeBack = async ({ catalog, log }: ReconcileVolumesDeps, volume: Volume): Promise<void> => {
  const { cluster, name, state, createdAt } = volume
  const key = catalogKeys.volume(cluster, name)
  const isStill = (there: Volume) => there.state === state && there.createdAt === createdAt
  log.warn('volume left on its way by what was cut off', { cluster, volume: name, state })
  if (state !== 'deleting') await catalog.volumes.remove(key, isStill)
  else
    await catalog.volumes.change(key, (there) =>
      there && isStill(there) ? { ...there, state: 'detached' } : undefined,
    )
}

const settle = async (deps: ReconcileVolumesDeps, volume: Volume): Promise<void> => {
  const { catalog, clock } = deps
  const operation = await newestOperation(deps, volume)
  if (operation && !isEnded(operation)) return
  const since = operation?.endedAt ?? volume.createdAt
  if (clock.now().getTime() - Date.parse(since) < graceMs) return
  if (operation) await recordVolumeOutcome(deps)(operation)
  const after = await catalog.volumes.get(catalogKeys.volume(volume.cluster, volume.name))
  if (after && after.state === volume.state && after.createdAt === volume.createdAt)
    await takeBack(deps, volume)
}

/** Safe to repeat. */
export const reconcileVolumes = (deps: ReconcileVolumesDeps) => async (): Promise<void> => {
  const { partition } = catalogKeys.volume('x', 'x')
  for await (const volume of deps.catalog.volumes.all({ partition }))
    if (isOnItsWay(volume)) await settle(deps, volume)
}

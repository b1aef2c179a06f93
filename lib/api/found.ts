/**
 * @module found: things that a request names, or its refusal.
 */
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Catalog } from '#lib/catalog/catalog.ts'
import type { Backup, Node, Target, Volume } from '#lib/catalog/entities.ts'
import type { RecurringJob } from '#lib/jobs/recurring-job.ts'
import { ApiError } from './api-error.ts'
import type { ApiDeps } from './api-deps.ts'

export const notFound = (what: string, hint: string): ApiError =>
  new ApiError('not-found', `there is no ${what}`, { hint })

export const foundVolume = async (
  { volumes }: Pick<Catalog, 'volumes'>,
  { cluster, volume }: { cluster: string; volume: string },
): Promise<Volume> => {
  const there = await volumes.get(catalogKeys.volume(cluster, volume))
  if (there) return there
  throw notFound(`volume ${volume} in cluster ${cluster}`, 'see: drover volume list')
}

/** One that can be worked on: neither on its way into being nor out of it. */
export const settledVolume = async (
  catalog: Pick<Catalog, 'volumes'>,
  named: { cluster: string; volume: string },
): Promise<Volume> => {
  const volume = await foundVolume(catalog, named)
  if (volume.state === 'attached' || volume.state === 'detached') return volume
  throw new ApiError('conflict', `volume ${volume.name} is ${volume.state}`, {
    hint:
      volume.state === 'damaged' || volume.state === 'missing'
        ? `see the pool on its node ${volume.node}, with: drover pool status`
        : 'wait until that is done',
  })
}

export const requireSnapshot = async (
  { snapshots }: Pick<Catalog, 'snapshots'>,
  { cluster, volume, snapshot }: { cluster: string; volume: string; snapshot: string },
): Promise<void> => {
  if (await snapshots.get(catalogKeys.snapshot(cluster, volume, snapshot))) return
  throw notFound(`snapshot ${snapshot} of volume ${volume}`, `see: drover snapshot list ${cluster}/${volume}`)
}

export const foundTarget = async ({ targets }: Pick<Catalog, 'targets'>, name: string): Promise<Target> => {
  const there = await targets.get(catalogKeys.target(name))
  if (there) return there
  throw notFound(`backup target ${name}`, 'see: drover target list')
}

export const foundJob = async ({ jobs }: Pick<ApiDeps, 'jobs'>, name: string): Promise<RecurringJob> => {
  const job = await jobs.get(catalogKeys.job(name))
  if (job) return job
  throw notFound(`recurring job ${name}`, 'see: drover job list')
}

/** A name that is mistyped would be a volume that is never backed up. Groups may be named before a job has them. */
export const requireJobs = async (deps: Pick<ApiDeps, 'jobs'>, names: readonly string[]): Promise<void> => {
  for (const name of new Set(names)) await foundJob(deps, name)
}

export const foundBackup = async (
  { backups }: Pick<Catalog, 'backups'>,
  { target, backupVolume, backup }: { target: string; backupVolume: string; backup: string },
): Promise<Backup> => {
  const there = await backups.get(catalogKeys.backup(target, backupVolume, backup))
  if (there) return there
  throw notFound(
    `backup ${backup} of ${backupVolume} in target ${target}`,
    `see: drover backup list ${target}/${backupVolume}`,
  )
}

const heardWithinMs = 2 * 60_000

const isThere = ({ heardAt }: Node, now: Date): boolean =>
  heardAt !== null && now.getTime() - Date.parse(heardAt) <= heardWithinMs

const roomOf = ({ pool }: Node): number => (pool ? pool.availableBytes - pool.promisedBytes : 0)

/** Where a new volume goes: the node that was asked for, or of those that are there the one with the most room. */
export const placedOn = async (
  { catalog, clock }: Pick<ApiDeps, 'catalog' | 'clock'>,
  cluster: string,
  wanted: string | undefined,
): Promise<Node> => {
  if (!(await catalog.clusters.get(catalogKeys.cluster(cluster))))
    throw notFound(`cluster ${cluster}`, 'see: drover cluster list')
  if (wanted !== undefined) {
    const node = await catalog.nodes.get(catalogKeys.node(wanted))
    if (node?.cluster === cluster) return node
    throw notFound(`node ${wanted} in cluster ${cluster}`, 'see: drover node list')
  }
  const { partition } = catalogKeys.nodeOfCluster(cluster, 'x')
  let best: Node | undefined
  for await (const node of catalog.nodes.all({ index: 'first', partition }))
    if (isThere(node, clock.now()) && (!best || roomOf(node) > roomOf(best))) best = node
  if (best) return best
  throw new ApiError(
    'conflict',
    `no node of cluster ${cluster} has been heard from in the last two minutes`,
    {
      hint: 'see: drover node list; a node is added with: drover node join',
    },
  )
}

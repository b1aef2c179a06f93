/**
 * @module local-nodes: the clusters that a new service begins with, each with one node whose agent runs beside it.
 */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { newNode } from '#lib/api/join-cluster.ts'
import { newToken } from '#lib/api/new-token.ts'
import { readAgentConfig, writeAgentConfig, type AgentConfig } from '#lib/api/node-enrolment.ts'
import type { Clock } from '#lib/base/clock.ts'
import type { Catalog } from '#lib/catalog/catalog.ts'
import { placePool } from './pool-place.ts'

export const localClusters = ['primary', 'standby'] as const

export interface LocalNode {
  node: string
  cluster: string
  /** Of its agent. */
  folder: string
  /** For people. */
  pool: string
}

export interface LocalNodesDeps {
  catalog: Catalog
  clock: Clock
  /** Of the data. */
  folder: string
  /** Where the API is now. */
  url: string
  /** Of each pool's image, where one is made. */
  poolBytes?: number | undefined
}

const enrolled = async (
  deps: LocalNodesDeps,
  cluster: string,
  folder: string,
  pool: string,
): Promise<AgentConfig> => {
  const { catalog, clock, url } = deps
  const node = `${cluster}-1`
  await catalog.nodes.create(newNode(node, cluster, clock.now().toISOString()))
  const { token } = await newToken(deps, { name: `node ${node}`, role: 'node', node, cluster })
  const config: AgentConfig = { format: 1, url, node, cluster, token, pool }
  await writeAgentConfig(folder, config)
  return config
}

/** Its pool is where it was; the API may be elsewhere than at the last start. */
const prepareNode = async (deps: LocalNodesDeps, cluster: string): Promise<LocalNode> => {
  const folder = join(deps.folder, 'nodes', cluster)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const pool = await placePool(folder, { imageBytes: deps.poolBytes })
  const config = existsSync(join(folder, 'agent.json'))
    ? await readAgentConfig(folder)
    : await enrolled(deps, cluster, folder, pool.folder)
  if (config.url !== deps.url || config.pool !== pool.folder)
    await writeAgentConfig(folder, { ...config, url: deps.url, pool: pool.folder })
  return { node: config.node, cluster, folder, pool: pool.description }
}

/** Safe to repeat: what is there is kept. @throws VolumeError, StandaloneError, EnrolmentError. */
export const prepareLocalNodes = async (deps: LocalNodesDeps): Promise<LocalNode[]> => {
  const nodes: LocalNode[] = []
  for (const name of localClusters) {
    await deps.catalog.clusters.create({ name, createdAt: deps.clock.now().toISOString() })
    nodes.push(await prepareNode(deps, name))
  }
  return nodes
}

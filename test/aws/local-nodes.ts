/**
 * @module local-nodes: nodes of a local stack: each with its pool, joined over the API, its agent in this process.
 */
import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { joinNode } from '#lib/api/node-enrolment.ts'
import { requests } from '#lib/api/requests.ts'
import { systemClock } from '#lib/base/clock.ts'
import { randomIds } from '#lib/base/ids.ts'
import { jsonLog } from '#lib/base/json-log.ts'
import { initPool } from '#lib/volume/pool.ts'
import { makePoolFileSystem } from '#test/pool-file-system.ts'
import { startAgent, type RunningAgent } from '../../agent/agent.ts'
import type { LocalAws } from './local-aws.ts'

export interface LocalNode {
  cluster: string
  node: string
  /** Of its pool. */
  pool: string
  /** What its agent logged. */
  lines: string[]
  /** Besides its agent's own. */
  heartbeat(): Promise<void>
  stop(): Promise<void>
}

export const startLocalNode = async (
  { url, client }: Pick<LocalAws, 'url' | 'client'>,
  { cluster, top }: { cluster: string; top: string },
): Promise<LocalNode> => {
  const node = `${cluster}-1`
  await client.clusters.create({ name: cluster })
  const { token } = await client.nodes.newJoinToken({ cluster })
  const folder = await mkdtemp(join(top, `${cluster}-`))
  const fileSystem = makePoolFileSystem('btrfs')
  const pool = fileSystem.folder
  await initPool({ folder: pool, kind: 'btrfs', storageMinimalAvailablePercentage: 0 })
  const config = await joinNode({ url, joinToken: token, node, pool, folder: join(folder, 'agent') })
  const lines: string[] = []
  const log = jsonLog((line) => lines.push(line), systemClock, { isVerbose: true })
  const agent: RunningAgent = await startAgent(
    { clock: systemClock, ids: randomIds, log, env: {} },
    { config, folder: join(folder, 'agent') },
  )
  return {
    cluster,
    node,
    pool,
    lines,
    heartbeat: async () => {
      const request = requests({ url, token: config.token })
      await request('POST', '/v1/node/heartbeat', { body: { version: 'test', running: [] } })
    },
    stop: async () => {
      await agent.stop()
      fileSystem.close()
    },
  }
}

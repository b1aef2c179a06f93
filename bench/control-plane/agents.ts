/**
 * @module agents: many nodes in one process, with pools in memory: what they do takes no time, so that what is measured is the
 * control plane's. Reads its nodes as JSON from stdin; `ready` on stdout says that each has told what it holds.
 */
import { text } from 'node:stream/consumers'
import * as z from 'zod'
import { heartbeats } from '../../agent/heartbeats.ts'
import { nodeApi } from '../../agent/node-api.ts'
import { systemClock } from '#lib/base/clock.ts'
import { silentLog } from '#lib/base/log.ts'
import { GiB } from '#lib/base/sizes.ts'
import { httpQueue } from '#lib/operation/http-queue.ts'
import { openJournal } from '#lib/operation/journal.ts'
import { operationKinds, type OperationKind } from '#lib/operation/operation-kinds.ts'
import type { Performer, Performers } from '#lib/perform/performer.ts'
import { worker } from '#lib/perform/worker.ts'
import type { PoolStatus, VolumeView } from '#lib/volume/pool.ts'

export const BenchNodes = z.object({
  url: z.string(),
  nodes: z.array(z.object({ name: z.string(), token: z.string(), volumes: z.array(z.string()) })),
})
type BenchNode = z.infer<typeof BenchNodes>['nodes'][number]

const status: PoolStatus = {
  folder: '/memory',
  kind: 'btrfs',
  volumes: 0,
  storageOverProvisioningPercentage: 100,
  storageMinimalAvailablePercentage: 10,
  oddities: [],
  totalBytes: 1000 * GiB,
  availableBytes: 900 * GiB,
  promisedBytes: 0,
  scheduledBytes: 0,
}

const attached = (name: string): VolumeView => ({
  name,
  sizeBytes: GiB,
  actualSizeBytes: 0,
  blockSizeBytes: 2 * 1024 * 1024,
  sectorSizeBytes: 512,
  createdAt: '2026-01-01T00:00:00Z',
  state: 'attached',
  frontend: 'block',
  path: '/dev/loop0',
  snapshots: 0,
})

const doNothing: Performer<OperationKind> = async () => ({ outcome: 'nothing-new' })
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each kind has this performer
const performers = Object.fromEntries(operationKinds.map((kind) => [kind, doNothing])) as Performers

const startNode = async (url: string, { name, token, volumes }: BenchNode): Promise<void> => {
  const clock = systemClock
  const { signal } = new AbortController()
  const api = nodeApi(clock, { url, token, signal })
  const journal = openJournal({ path: ':memory:', node: name, now: api.serverNow })
  const pool = {
    status: async () => status,
    listVolumes: async () => volumes.map(attached),
    recordedSnapshots: () => [],
  }
  const beats = heartbeats({ api, pool, journal, clock, log: silentLog, version: 'bench' })
  await beats.beat()
  setInterval(() => void beats.beat(), 30_000)
  worker({
    queue: httpQueue({ service: api, clock, log: silentLog }),
    journal,
    performers,
    mayBegin: async ({ operationId }) => api.begin(operationId),
    sendReports: (reports) => api.report(reports),
    clock,
    serverNow: api.serverNow,
    log: silentLog,
  }).start()
}

const { url, nodes } = BenchNodes.parse(JSON.parse(await text(process.stdin)))
await Promise.all(nodes.map((node) => startNode(url, node)))
console.log('ready')

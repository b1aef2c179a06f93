/**
 * @module catalog: what exists, quick to ask: clusters, nodes, volumes, snapshots, targets, backup volumes, backups, jobs' runs,
 * operations, settings, access tokens.
 *
 * The backupstore is the truth about backups; this is an index of it that can be thrown away and made again, and never a reason
 * to delete data. Every write is conditional on what the writer saw.
 */
import { isEnded, Operation } from '#lib/operation/operation.ts'
import { catalogKeys as keys } from './catalog-keys.ts'
import { collection } from './collection.ts'
import {
  AccessToken,
  Backup,
  BackupVolume,
  Cluster,
  IdempotentRequest,
  Listening,
  Node,
  Run,
  Setting,
  Snapshot,
  Target,
  Volume,
} from './entities.ts'
import type { ItemStore } from './item-store.ts'

const unixSeconds = (time: string): number => Math.floor(Date.parse(time) / 1000)

const daySeconds = 24 * 3600
/** Ended operations and runs are kept for as long as somebody may ask what happened. */
const historySeconds = 90 * daySeconds

const afterHistory = (endedAt: string | null): number | undefined =>
  endedAt === null ? undefined : unixSeconds(endedAt) + historySeconds

export type Catalog = ReturnType<typeof catalog>

export const catalog = (store: ItemStore) => ({
  clusters: collection(store, { what: 'cluster', schema: Cluster, keyOf: ({ name }) => keys.cluster(name) }),
  nodes: collection(store, {
    what: 'node',
    schema: Node,
    keyOf: ({ name }) => keys.node(name),
    indexesOf: ({ cluster, name }) => ({ first: keys.nodeOfCluster(cluster, name) }),
  }),
  volumes: collection(store, {
    what: 'volume',
    schema: Volume,
    keyOf: ({ cluster, name }) => keys.volume(cluster, name),
    indexesOf: ({ node, cluster, name }) => ({ first: keys.volumeOfNode(node, cluster, name) }),
  }),
  snapshots: collection(store, {
    what: 'snapshot',
    schema: Snapshot,
    keyOf: ({ cluster, volume, name }) => keys.snapshot(cluster, volume, name),
  }),
  targets: collection(store, { what: 'target', schema: Target, keyOf: ({ name }) => keys.target(name) }),
  backupVolumes: collection(store, {
    what: 'backup volume',
    schema: BackupVolume,
    keyOf: ({ target, name }) => keys.backupVolume(target, name),
  }),
  backups: collection(store, {
    what: 'backup',
    schema: Backup,
    keyOf: ({ target, volume, name }) => keys.backup(target, volume, name),
    indexesOf: ({ target, volume, snapshotCreatedAt, name }) => ({
      first: keys.backupByTime(target, volume, snapshotCreatedAt, name),
    }),
  }),
  runs: collection(store, {
    what: 'run',
    schema: Run,
    keyOf: ({ job, minute }) => keys.run(job, minute),
    expiresAtOf: ({ endedAt }) => afterHistory(endedAt),
  }),
  operations: collection(store, {
    what: 'operation',
    schema: Operation,
    keyOf: ({ id }) => keys.operation(id),
    indexesOf: (operation) => ({
      first: keys.operationOfVolume(operation.cluster, operation.volume, operation.id),
      ...(!isEnded(operation) && { second: keys.openOperation(operation.node, operation.id) }),
    }),
    expiresAtOf: ({ endedAt }) => afterHistory(endedAt),
  }),
  listening: collection(store, { what: 'listening', schema: Listening, keyOf: keys.listening }),
  settings: collection(store, { what: 'setting', schema: Setting, keyOf: ({ name }) => keys.setting(name) }),
  requests: collection(store, {
    what: 'request',
    schema: IdempotentRequest,
    keyOf: ({ hash }) => keys.request(hash),
    expiresAtOf: ({ createdAt }) => unixSeconds(createdAt) + daySeconds,
  }),
  tokens: collection(store, {
    what: 'access token',
    schema: AccessToken,
    keyOf: ({ hash }) => keys.token(hash),
    expiresAtOf: ({ expiresAt }) => (expiresAt === null ? undefined : unixSeconds(expiresAt)),
  }),
})

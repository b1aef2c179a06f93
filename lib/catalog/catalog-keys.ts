/**
 * @module catalog-keys: where in the item store each thing of the catalog is, and nowhere else is it said.
 *
 * Parts of a key are joined by `#`, which no name has; a free text (a target's name is none, but an operation's id may hold one)
 * is escaped. Operations' ids begin with their time, so that a partition lists them by it.
 */
import type { ItemKey } from './item-store.ts'

const separator = '#'

/** As in a URL, so that no part can hold the separator. */
const joined = (...parts: readonly string[]): string => parts.map(encodeURIComponent).join(separator)

export const catalogKeys = {
  cluster: (name: string): ItemKey => ({ partition: 'cluster', sort: joined(name) }),
  node: (name: string): ItemKey => ({ partition: 'node', sort: joined(name) }),
  nodeOfCluster: (cluster: string, name: string): ItemKey => ({
    partition: joined('nodes-of-cluster', cluster),
    sort: joined(name),
  }),
  volume: (cluster: string, name: string): ItemKey => ({ partition: 'volume', sort: joined(cluster, name) }),
  volumeOfNode: (node: string, cluster: string, name: string): ItemKey => ({
    partition: joined('volumes-of-node', node),
    sort: joined(cluster, name),
  }),
  snapshot: (cluster: string, volume: string, name: string): ItemKey => ({
    partition: joined('snapshot', cluster, volume),
    sort: joined(name),
  }),
  target: (name: string): ItemKey => ({ partition: 'target', sort: joined(name) }),
  backupVolume: (target: string, name: string): ItemKey => ({
    partition: joined('backup-volume', target),
    sort: joined(name),
  }),
  backup: (target: string, volume: string, name: string): ItemKey => ({
    partition: joined('backup', target, volume),
    sort: joined(name),
  }),
  backupByTime: (target: string, volume: string, snapshotCreatedAt: string, name: string): ItemKey => ({
    partition: joined('backup-by-time', target, volume),
    sort: joined(snapshotCreatedAt, name),
  }),
  job: (name: string): ItemKey => ({ partition: 'job', sort: joined(name) }),
  run: (job: string, minute: string): ItemKey => ({ partition: joined('run', job), sort: joined(minute) }),
  operation: (id: string): ItemKey => ({ partition: 'operation', sort: joined(id) }),
  operationOfVolume: (cluster: string, volume: string, id: string): ItemKey => ({
    partition: joined('operations-of-volume', cluster, volume),
    sort: joined(id),
  }),
  /** Only those that have not ended are there. */
  openOperation: (node: string, id: string): ItemKey => ({
    partition: 'open-operation',
    sort: joined(node, id),
  }),
  listening: (): ItemKey => ({ partition: 'listening', sort: 'reconcile' }),
  setting: (name: string): ItemKey => ({ partition: 'setting', sort: joined(name) }),
  request: (hash: string): ItemKey => ({ partition: 'request', sort: joined(hash) }),
  /** By the hash of the token. */
  token: (hash: string): ItemKey => ({ partition: 'token', sort: joined(hash) }),
} as const

/** All in a partition whose sort keys begin with these parts. */
export const sortPrefix = (...parts: readonly string[]): string =>
  parts.map((part) => `${encodeURIComponent(part)}${separator}`).join('')

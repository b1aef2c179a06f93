/**
 * @module client: the API as functions, for the command line and the web. What comes back is checked by the schemas that the routes answer by.
 */
import type * as z from 'zod'
import {
  Backup,
  BackupVolume,
  Cluster,
  Node,
  Run,
  Snapshot,
  Target,
  type Setting,
  Volume,
} from '#lib/catalog/entities.ts'
import { RecurringJob } from '#lib/jobs/recurring-job.ts'
import type * as bodies from './bodies.ts'
import { clientCalls, optionsOf, path, type Asked, type Calls } from './client-calls.ts'
import type { Request } from './requests.ts'
import { LookView, NewTokenView, OperationView, SecretView, SettingView, TokenView } from './views.ts'

const volumeAt = (cluster: string, volume: string) => path`/v1/volumes/${cluster}/${volume}`
const backupAt = (target: string, volume: string, backup: string) =>
  path`/v1/targets/${target}/volumes/${volume}/backups/${backup}`

const clustersOf = ({ ask, all, get, remove }: Calls) => ({
  list: (asked?: Asked) => all(Cluster, '/v1/clusters', {}, asked),
  show: (name: string, asked?: Asked) => get(Cluster)(path`/v1/clusters/${name}`, asked),
  create: (body: z.input<typeof bodies.NewCluster>, asked: Asked = {}) =>
    ask(Cluster, 'POST', '/v1/clusters', { ...optionsOf(asked), body }),
  remove: (name: string, asked?: Asked) => remove(path`/v1/clusters/${name}`, asked),
})

const nodesOf = ({ ask, all, get, remove }: Calls) => ({
  list: (query: { cluster?: string | undefined } = {}, asked?: Asked) => all(Node, '/v1/nodes', query, asked),
  show: (name: string, asked?: Asked) => get(Node)(path`/v1/nodes/${name}`, asked),
  remove: (name: string, asked?: Asked) => remove(path`/v1/nodes/${name}`, asked),
  newJoinToken: (body: z.input<typeof bodies.NewJoinToken>, asked: Asked = {}) =>
    ask(NewTokenView, 'POST', '/v1/join-tokens', { ...optionsOf(asked), body }),
})

const volumesOf = ({ ask, all, get, operate }: Calls) => ({
  list: (query: { cluster?: string | undefined } = {}, asked?: Asked) =>
    all(Volume, '/v1/volumes', query, asked),
  show: (cluster: string, volume: string, asked?: Asked) => get(Volume)(volumeAt(cluster, volume), asked),
  create: (body: z.input<typeof bodies.NewVolume>, asked?: Asked) =>
    operate('POST', '/v1/volumes', body, asked),
  change: (cluster: string, volume: string, body: z.input<typeof bodies.VolumeChange>, asked: Asked = {}) =>
    ask(Volume, 'PATCH', volumeAt(cluster, volume), { ...optionsOf(asked), body }),
  remove: (cluster: string, volume: string, asked?: Asked) =>
    operate('DELETE', volumeAt(cluster, volume), undefined, asked),
  attach: (cluster: string, volume: string, body: { isMaintenance?: boolean } = {}, asked?: Asked) =>
    operate('POST', `${volumeAt(cluster, volume)}/attach`, body, asked),
  detach: (cluster: string, volume: string, asked?: Asked) =>
    operate('POST', `${volumeAt(cluster, volume)}/detach`, undefined, asked),
  expand: (cluster: string, volume: string, body: { sizeBytes: number }, asked?: Asked) =>
    operate('POST', `${volumeAt(cluster, volume)}/expand`, body, asked),
  revert: (cluster: string, volume: string, body: { snapshot: string }, asked?: Asked) =>
    operate('POST', `${volumeAt(cluster, volume)}/revert`, body, asked),
  backUp: (cluster: string, volume: string, body: z.input<typeof bodies.NewBackup>, asked?: Asked) =>
    operate('POST', `${volumeAt(cluster, volume)}/backups`, body, asked),
})

const snapshotsOf = ({ all, operate }: Calls) => ({
  list: (cluster: string, volume: string, asked?: Asked) =>
    all(Snapshot, `${volumeAt(cluster, volume)}/snapshots`, {}, asked),
  create: (cluster: string, volume: string, body: z.input<typeof bodies.NewSnapshot>, asked?: Asked) =>
    operate('POST', `${volumeAt(cluster, volume)}/snapshots`, body, asked),
  remove: (cluster: string, volume: string, snapshot: string, asked?: Asked) =>
    operate('DELETE', volumeAt(cluster, volume) + path`/snapshots/${snapshot}`, undefined, asked),
})

const targetsOf = ({ ask, all, get, remove }: Calls) => ({
  list: (asked?: Asked) => all(Target, '/v1/targets', {}, asked),
  show: (name: string, asked?: Asked) => get(Target)(path`/v1/targets/${name}`, asked),
  create: (body: z.input<typeof bodies.NewTarget>, asked: Asked = {}) =>
    ask(Target, 'POST', '/v1/targets', { ...optionsOf(asked), body }),
  remove: (name: string, asked?: Asked) => remove(path`/v1/targets/${name}`, asked),
  /** Reads all of its backups: takes as long as there are many. A target: others look at it, and its `indexedAt` changes in the end. */
  index: (name: string, asked: Asked = {}) =>
    ask(LookView, 'POST', path`/v1/targets/${name}/index`, { ...optionsOf(asked), waitMs: 600_000 }),
})

const secretsOf = ({ ask, all, remove }: Calls) => ({
  list: (asked?: Asked) => all(SecretView, '/v1/secrets', {}, asked),
  put: (name: string, body: Record<string, string>, asked: Asked = {}) =>
    ask(SecretView, 'PUT', path`/v1/secrets/${name}`, { ...optionsOf(asked), body }),
  remove: (name: string, asked?: Asked) => remove(path`/v1/secrets/${name}`, asked),
})

const backupsOf = ({ all, get, operate }: Calls) => ({
  listVolumes: (target: string, asked?: Asked) =>
    all(BackupVolume, path`/v1/targets/${target}/volumes`, {}, asked),
  showVolume: (target: string, volume: string, asked?: Asked) =>
    get(BackupVolume)(path`/v1/targets/${target}/volumes/${volume}`, asked),
  list: (target: string, volume: string, asked?: Asked) =>
    all(Backup, path`/v1/targets/${target}/volumes/${volume}/backups`, {}, asked),
  show: (target: string, volume: string, backup: string, asked?: Asked) =>
    get(Backup)(backupAt(target, volume, backup), asked),
  remove: (target: string, volume: string, backup: string, asked?: Asked) =>
    operate('DELETE', backupAt(target, volume, backup), undefined, asked),
  verify: (target: string, volume: string, backup: string, asked?: Asked) =>
    operate('POST', `${backupAt(target, volume, backup)}/verify`, undefined, asked),
  collect: (target: string, volume: string, asked?: Asked) =>
    operate('POST', path`/v1/targets/${target}/volumes/${volume}/collect`, undefined, asked),
  restore: (body: z.input<typeof bodies.NewRestore>, asked?: Asked) =>
    operate('POST', '/v1/restores', body, asked),
})

const jobsOf = ({ ask, all, get, remove }: Calls) => ({
  list: (asked?: Asked) => all(RecurringJob, '/v1/jobs', {}, asked),
  show: (name: string, asked?: Asked) => get(RecurringJob)(path`/v1/jobs/${name}`, asked),
  put: (name: string, body: z.input<typeof bodies.JobBody>, asked: Asked = {}) =>
    ask(RecurringJob, 'PUT', path`/v1/jobs/${name}`, { ...optionsOf(asked), body }),
  remove: (name: string, asked?: Asked) => remove(path`/v1/jobs/${name}`, asked),
  /** `limit`: in a page; what became of their operations is told of pages that are not too large. */
  runs: (name: string, { limit }: { limit?: number | undefined } = {}, asked?: Asked) =>
    all(Run, path`/v1/jobs/${name}/runs`, { limit }, asked),
  run: (name: string, asked: Asked = {}) => ask(Run, 'POST', path`/v1/jobs/${name}/runs`, optionsOf(asked)),
})

const operationsOf = ({ all, get, operate }: Calls) => ({
  list: (
    query: {
      state?: 'open' | 'all' | undefined
      node?: string | undefined
      cluster?: string | undefined
      volume?: string | undefined
    } = {},
    asked?: Asked,
  ) => all(OperationView, '/v1/operations', query, asked),
  show: (id: string, asked?: Asked) => get(OperationView)(path`/v1/operations/${id}`, asked),
  cancel: (id: string, asked?: Asked) => operate('POST', path`/v1/operations/${id}/cancel`, undefined, asked),
})

const settingsOf = ({ ask, all, get }: Calls) => ({
  list: (asked?: Asked) => all(SettingView, '/v1/settings', {}, asked),
  show: (name: string, asked?: Asked) => get(SettingView)(path`/v1/settings/${name}`, asked),
  put: (name: string, value: Setting['value'], asked: Asked = {}) =>
    ask(SettingView, 'PUT', path`/v1/settings/${name}`, { ...optionsOf(asked), body: { value } }),
  reset: (name: string, asked: Asked = {}) =>
    ask(SettingView, 'DELETE', path`/v1/settings/${name}`, optionsOf(asked)),
})

const tokensOf = ({ ask, all, remove }: Calls) => ({
  list: (asked?: Asked) => all(TokenView, '/v1/tokens', {}, asked),
  create: (body: z.input<typeof bodies.NewToken>, asked: Asked = {}) =>
    ask(NewTokenView, 'POST', '/v1/tokens', { ...optionsOf(asked), body }),
  remove: (id: string, asked?: Asked) => remove(path`/v1/tokens/${id}`, asked),
})

export type ApiClient = ReturnType<typeof apiClient>

export const apiClient = (request: Request) => {
  const calls = clientCalls(request)
  return {
    clusters: clustersOf(calls),
    nodes: nodesOf(calls),
    volumes: volumesOf(calls),
    snapshots: snapshotsOf(calls),
    targets: targetsOf(calls),
    secrets: secretsOf(calls),
    backups: backupsOf(calls),
    jobs: jobsOf(calls),
    operations: operationsOf(calls),
    settings: settingsOf(calls),
    tokens: tokensOf(calls),
  }
}

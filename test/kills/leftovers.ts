/**
 * @module leftovers: what is there and should not be, or the other way round, once all is quiet: in the catalog, the journals, the
 * pools, the store, and among the machine's devices. Each as a line; none: nothing is left behind.
 */
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import * as z from 'zod'
import { gathered } from '#lib/base/gathered.ts'
import type { ApiClient } from '#lib/api/client.ts'
import { audit, filesIn, folderOf, volumeFileIn } from '../volume-audit.ts'
import { clusters, difference, inPool, loopsUnder, recordsIn, type Cluster, type Places } from './pools.ts'
import { job, target } from './requests.ts'

const openOperations = async (client: ApiClient): Promise<string[]> =>
  (await gathered(client.operations.list({ state: 'open' }))).map(
    ({ id, kind, state }) => `operation ${id} (${kind}) is still ${state}`,
  )

const neverFailures = ['lost', 'expired', 'internal', 'unreadable', 'unsupported']

const wrongEnds = async (client: ApiClient): Promise<string[]> =>
  (await gathered(client.operations.list({ state: 'all' }))).flatMap(({ id, failure }) =>
    failure && neverFailures.includes(failure.code)
      ? [`operation ${id} failed: ${failure.code}, ${failure.message}`]
      : [],
  )

/** What users made and did not delete, as they were told: neither more nor less of it is there. */
const kept = async (client: ApiClient, places: Places): Promise<string[]> => {
  const done = (await gathered(client.operations.list({ state: 'all' }))).filter(
    ({ state }) => state === 'succeeded',
  )
  const named = (kind: string): string[] =>
    done
      .filter((operation) => operation.kind === kind)
      .map(({ volume, parameters }) => `${volume}/${z.string().parse(parameters['snapshot'])}`)
  const volumes = (kind: string) =>
    done.filter((operation) => operation.kind === kind).map(({ volume }) => volume)
  const [deletedSnapshots, deletedVolumes] = [
    new Set(named('delete-snapshot')),
    new Set(volumes('delete-volume')),
  ]
  const snapshots = recordsIn(places, 'primary').flatMap((record) =>
    record.snapshots.filter((each) => each.isUserCreated).map((each) => `${record.name}/${each.name}`),
  )
  return [
    ...difference(
      "users' snapshots",
      snapshots,
      named('create-snapshot').filter((each) => !deletedSnapshots.has(each)),
    ),
    ...difference(
      'restored volumes',
      recordsIn(places, 'standby').map((record) => record.name),
      volumes('restore-backup').filter((each) => !deletedVolumes.has(each)),
    ),
  ]
}

const rowsIn = (path: string, query: string): string[] => {
  const database = new DatabaseSync(path, { readOnly: true })
  try {
    return database
      .prepare(query)
      .all()
      .map((row) => JSON.stringify(row).slice(0, 300))
  } finally {
    database.close()
  }
}

const inJournals = (places: Places): string[] =>
  clusters.flatMap((cluster) => {
    const path = join(places.folder, 'nodes', cluster, 'journal.sqlite')
    const unfinished = "SELECT id, state FROM operations WHERE command IS NOT NULL AND state <> 'ended'"
    return [unfinished, 'SELECT report FROM outbox', 'SELECT operation_id FROM appended'].flatMap((query) =>
      rowsIn(path, query).map((row) => `journal of ${cluster}: ${row}`),
    )
  })

const catalogAndPool = async (client: ApiClient, places: Places, cluster: Cluster): Promise<string[]> => {
  const records = recordsIn(places, cluster)
  const volumes = await gathered(client.volumes.list({ cluster }))
  const shown = ({ name, sizeBytes }: { name: string; sizeBytes: number }) => `${name} of ${sizeBytes} bytes`
  const snapshots = await Promise.all(
    records.map(async ({ name, snapshots: held }) =>
      difference(
        `catalog's snapshots of ${cluster}/${name}`,
        (await gathered(client.snapshots.list(cluster, name))).map((snapshot) => snapshot.name),
        held.map((snapshot) => snapshot.name),
      ),
    ),
  )
  const odd = volumes.filter(({ state }) => state !== 'attached' && state !== 'detached')
  return [
    ...difference(`catalog's volumes of ${cluster}`, volumes.map(shown), records.map(shown)),
    ...odd.map(({ name, state }) => `volume ${cluster}/${name} is ${state}`),
    ...snapshots.flat(),
  ]
}

const devices = async (client: ApiClient, places: Places): Promise<string[]> => {
  const attached = (await gathered(client.volumes.list())).filter(({ state }) => state === 'attached')
  const expected = attached.map(({ cluster, name, path }) => `${path} of ${cluster}/${name}`)
  const within = /nodes\/(\w+)\/pool\/volumes\/([^/]+)\//
  const found = loopsUnder(places.folder).flatMap(({ device, file }) => {
    if (file.endsWith('/pool.img')) return []
    const [, cluster, name] = within.exec(file) ?? []
    return [`${device} of ${cluster === undefined ? file : `${cluster}/${name}`}`]
  })
  return [
    ...difference('loop devices', found, expected),
    ...(new Set(found).size === found.length ? [] : ['a volume has two loop devices']),
  ]
}

/**
 * A lock whose writer was killed before it had its name. It hinders nobody; who wrote it may be alive, as far as others know, so it
 * goes with the first deletion after an hour (lib/backup/collect-blocks.ts), as test/crash/kill.interop.test.ts shows.
 */
const isHalfOfLock = (line: string): boolean => /\/locks\/lock-[\w-]+\.lck\.tmp\.\d{19}$/.test(line)

const inStore = (places: Places): string[] => {
  const files = filesIn(places.store)
  const known = [...places.volumes].map(folderOf)
  const strangers = [...files.keys()].filter((key) => !known.some((folder) => key.startsWith(folder)))
  return [
    ...strangers.map((key) => `store: ${key}`),
    ...places.volumes.flatMap((name) => {
      const folder = folderOf(name)
      const own = new Map([...files].filter(([key]) => key.startsWith(folder)))
      const { inProgress, missing, unused, committed } = audit(own, name)
      const last = volumeFileIn(own, name).LastBackupName
      return [
        ...inProgress.map((backup) => `store: backup ${backup} is in progress`),
        ...missing.map((key) => `store: ${key} is missing`),
        ...unused.filter((key) => !isHalfOfLock(key)).map((key) => `store: nothing needs ${key}`),
        ...(committed.some((backup) => backup.name === last)
          ? []
          : [`store: ${name} ends with no backup, ${last}`]),
      ]
    }),
  ]
}

const catalogAndStore = async (client: ApiClient, places: Places): Promise<string[]> => {
  const files = filesIn(places.store)
  const lines = await Promise.all(
    places.volumes.map(async (name) => {
      const listed = await gathered(client.backups.list(target, name))
      const own = new Map([...files].filter(([key]) => key.startsWith(folderOf(name))))
      const there = audit(own, name).committed.map((backup) => backup.name)
      const ofJob = listed.filter(({ labels }) => labels['RecurringJob'] === job).length
      return [
        ...difference(
          `catalog's backups of ${name}`,
          listed.map((backup) => backup.name),
          there,
        ),
        ...(ofJob <= places.retain ? [] : [`${name} has ${ofJob} backups of the job, not ${places.retain}`]),
      ]
    }),
  )
  return lines.flat()
}

const inQueues = ({ folder }: Places): string[] =>
  rowsIn(join(folder, 'queues.sqlite'), 'SELECT * FROM messages').map((row) => `queue: ${row}`)

export const leftovers = async (client: ApiClient, places: Places): Promise<string[]> => [
  ...(await openOperations(client)),
  ...(await wrongEnds(client)),
  ...(await kept(client, places)),
  ...globSync('{*,nodes/*/*}.tmp', { cwd: places.folder }).map((path) => `data: ${path}`),
  ...inJournals(places),
  ...inQueues(places),
  ...clusters.flatMap((cluster) => inPool(places, cluster)),
  ...(await Promise.all(clusters.map((cluster) => catalogAndPool(client, places, cluster)))).flat(),
  ...(await devices(client, places)),
  ...inStore(places),
  ...(await catalogAndStore(client, places)),
]

/**
 * @module pools: what is in the pools, and on the machine for them, looked at past Drover.
 */
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { decodeRecord, type VolumeRecord } from '#lib/volume/volume-record.ts'
import { run } from '../pool-file-system.ts'

export interface Places {
  /** The service's data. */
  folder: string
  /** Of the target. */
  store: string
  /** In primary; and in the store, under the same names. */
  volumes: readonly string[]
  retain: number
}

export const clusters = ['primary', 'standby'] as const
export type Cluster = (typeof clusters)[number]

const poolOf = ({ folder }: Places, cluster: Cluster): string => join(folder, 'nodes', cluster, 'pool')

const LoopList = z.object({
  loopdevices: z.array(z.object({ name: z.string(), 'back-file': z.string().nullable() })),
})

export const loopsUnder = (folder: string): { device: string; file: string }[] => {
  const text = run('losetup', '--list', '--json', '--output', 'NAME,BACK-FILE')
  if (text.trim() === '') return []
  return LoopList.parse(JSON.parse(text)).loopdevices.flatMap(({ name, 'back-file': file }) =>
    file?.startsWith(`${folder}/`) ? [{ device: name, file }] : [],
  )
}

export const difference = (what: string, found: Iterable<string>, expected: Iterable<string>): string[] => {
  const [there, wanted] = [new Set(found), new Set(expected)]
  return [
    ...[...there].filter((item) => !wanted.has(item)).map((item) => `${what}: ${item} is too much`),
    ...[...wanted].filter((item) => !there.has(item)).map((item) => `${what}: ${item} is missing`),
  ]
}

export const recordsIn = (places: Places, cluster: Cluster): VolumeRecord[] => {
  const volumes = join(poolOf(places, cluster), 'volumes')
  return readdirSync(volumes).map((name) => {
    const path = join(volumes, name, 'volume.json')
    return decodeRecord(readFileSync(path, 'utf8'), path)
  })
}

const layersOf = ({ name, head, snapshots }: VolumeRecord): string[] =>
  [head, ...snapshots].map(({ id }) => `volumes/${name}/${id}`)

/** What no volume's record names, and what is named and not there. */
export const inPool = (places: Places, cluster: Cluster): string[] => {
  const pool = poolOf(places, cluster)
  const records = recordsIn(places, cluster)
  const isNeeded = (record: VolumeRecord, id: string) =>
    record.backups.some(({ snapshotId }) => snapshotId === id)
  const needless = records.flatMap((record) =>
    record.snapshots
      .filter(({ id, isUserCreated }) => !isUserCreated && !isNeeded(record, id))
      .map(
        ({ name }) => `pool of ${cluster}: volume ${record.name} has snapshot ${name}, which nothing needs`,
      ),
  )
  const pending = records.flatMap(({ name, pending: what }) =>
    what ? [`pool of ${cluster}: volume ${name} has ${what.kind} under way`] : [],
  )
  const subvolumes = run('btrfs', 'subvolume', 'list', pool)
    .split('\n')
    .flatMap((line) => / path (.+)$/.exec(line)?.[1] ?? [])
  const layers = records.flatMap(layersOf)
  const files = globSync('volumes/*/*', { cwd: pool }).filter((name) => !name.endsWith('/volume.json'))
  return [
    ...needless,
    ...pending,
    ...difference(`subvolumes of ${cluster}`, subvolumes, layers),
    ...difference(`files in the pool of ${cluster}`, files, layers),
    ...globSync('**/*.tmp*', { cwd: pool }).map((path) => `pool of ${cluster}: ${path}`),
  ]
}

/**
 * @module index-backups: makes what the catalog says of backups what a backupstore holds. The store is the truth: an index can be
 * thrown away and made again, and nothing is ever deleted from a store because of it.
 *
 * Safe to repeat, in any order, twice at once. What is taken out of the catalog was there before the store was listed, so that
 * a backup that is committed meanwhile is not lost from it. A row that was by then what the store is found to hold is not read
 * again: what an older look that is still under way makes of it, the next look puts right.
 */
import { forEachConcurrently } from '#lib/base/concurrency.ts'
import { gathered } from '#lib/base/gathered.ts'
import { listBackupVolume, type ListedBackup, type ListedVolume } from '#lib/backup/list-backups.ts'
import { latestBackup, listVolumeNames } from '#lib/backupstore/backup-volume.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Catalog } from '#lib/catalog/catalog.ts'
import type { Backup, BackupVolume } from '#lib/catalog/entities.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { BackupIndexError } from './backup-index-error.ts'

export interface IndexBackupsDeps {
  catalog: Pick<Catalog, 'backups' | 'backupVolumes'>
}

/** A target's name in the catalog, and the store that it is. */
export interface IndexedTarget {
  target: string
  store: ObjectStore
}

export interface IndexResult {
  volumes: number
  backups: number
  /** New or changed in the catalog. */
  written: number
  /** In the catalog, and not in the store. */
  removed: number
  /** What cannot be read, and why. */
  problems: string[]
}

/** A target shows no more than this of what is wrong with it. */
export const longestFailure = 1000

const nothing = (): IndexResult => ({ volumes: 0, backups: 0, written: 0, removed: 0, problems: [] })

const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

const backupOf = (
  target: string,
  volume: string,
  { header, notRestorable }: ListedBackup,
): Backup | undefined =>
  header && {
    target,
    volume,
    name: header.name,
    snapshotName: header.snapshotName,
    snapshotCreatedAt: header.snapshotCreatedAt,
    createdAt: header.createdAt,
    sizeBytes: header.sizeBytes,
    newlyUploadedBytes: header.newlyUploadedBytes,
    labels: header.labels ?? {},
    isIncremental: header.isIncremental,
    obstacle: notRestorable ?? null,
  }

const volumeOf = (
  target: string,
  { name, config, backups }: ListedVolume,
  others: readonly Backup[],
): BackupVolume => {
  const headers = backups.flatMap(({ header }) => header ?? [])
  const last = latestBackup([...headers, ...others])
  return {
    target,
    name,
    sizeBytes: config?.sizeBytes ?? 0,
    lastBackupName: last?.name ?? '',
    lastBackupAt: last?.snapshotCreatedAt ?? '',
    createdAt: config?.createdAt ?? '',
  }
}

const rowsOf = async (
  { catalog }: IndexBackupsDeps,
  target: string,
  volume: string,
): Promise<Map<string, Backup>> => {
  const { partition } = catalogKeys.backup(target, volume, '')
  const rows = await gathered(catalog.backups.all({ partition }))
  return new Map(rows.map((row) => [row.name, row]))
}

/** One that exists and cannot be read keeps what is known of it, with the reason. `undefined`: it is as it shall be. */
const changeOf = (found: Backup | undefined, listed: ListedBackup, there: Backup | undefined) => {
  const wanted = found ?? (there && { ...there, obstacle: listed.notRestorable ?? null })
  return isEqual(there, wanted) ? undefined : wanted
}

/** `row`: before the store was listed. */
const writeBackup = async (
  { catalog }: IndexBackupsDeps,
  { target, volume, row }: { target: string; volume: string; row: Backup | undefined },
  listed: ListedBackup,
): Promise<boolean> => {
  const found = backupOf(target, volume, listed)
  if (row && !changeOf(found, listed, row)) return false
  let isWritten = false
  await catalog.backups.change(catalogKeys.backup(target, volume, listed.name), (there) => {
    const wanted = changeOf(found, listed, there)
    isWritten = wanted !== undefined
    return wanted
  })
  return isWritten
}

export interface IndexOptions {
  /** Which were written or removed. Default: any may have been, and all are looked for. */
  backups?: readonly string[] | undefined
}

/** Besides those that changed: what could not be restored, which may be whole now, and a last one that no event told of. */
const toLookFor =
  (changed: readonly string[], rows: ReadonlyMap<string, Backup>) =>
  (lastBackupName: string): string[] => {
    const damaged = [...rows.values()].filter(({ obstacle }) => obstacle !== null).map(({ name }) => name)
    const unknown = lastBackupName !== '' && !rows.has(lastBackupName) ? [lastBackupName] : []
    return [...new Set([...changed, ...damaged, ...unknown])]
  }

/** One backup volume: what an event about one of its configs asks for. */
export const indexBackupVolume =
  (deps: IndexBackupsDeps) =>
  async (
    { target, store }: IndexedTarget,
    volume: string,
    { backups: changed }: IndexOptions = {},
  ): Promise<IndexResult> => {
    const { catalog } = deps
    const rows = await rowsOf(deps, target, volume)
    // Of a volume that the catalog has nothing of, there may be more than what changed.
    const only = changed && rows.size > 0 ? toLookFor(changed, rows) : undefined
    const listed = await listBackupVolume({ store })(volume, only)
    const lookedFor = listed?.lookedFor ?? 'all'
    const others = [...rows.values()].filter(({ name }) => lookedFor !== 'all' && !lookedFor.includes(name))
    const gone = new Set(rows.keys())
    for (const { name } of others) gone.delete(name)
    const result = { ...nothing(), backups: others.length }
    // One in progress is none yet.
    for (const backup of listed?.backups.filter(({ state }) => state !== 'in-progress') ?? []) {
      gone.delete(backup.name)
      result.backups++
      if (backup.state === 'unreadable') result.problems.push(backup.notRestorable ?? backup.name)
      const row = rows.get(backup.name)
      if (await writeBackup(deps, { target, volume, row }, backup)) result.written++
    }
    for (const name of gone)
      if (await catalog.backups.remove(catalogKeys.backup(target, volume, name))) result.removed++
    const key = catalogKeys.backupVolume(target, volume)
    if (!listed) {
      await catalog.backupVolumes.remove(key)
      return result
    }
    if (listed.problem !== undefined) result.problems.push(`${volume}: ${listed.problem}`)
    const wanted = volumeOf(target, listed, others)
    await catalog.backupVolumes.change(key, (there) => (isEqual(there, wanted) ? undefined : wanted))
    return { ...result, volumes: 1 }
  }

const emptied = (target: string): BackupIndexError =>
  new BackupIndexError('empty-target', `target ${target} holds nothing, and held backups before`, {
    hint: `mount it if it is a share; if it was emptied: drover target index ${target}`,
  })

/** What a target shows of a look at it: `null` if nothing is wrong. */
export const failureIn = ({ problems }: IndexResult): string | null =>
  problems.length === 0 ? null : problems.join('; ').slice(0, longestFailure)

/** Each reads 16 configs at once: together as many as the S3 client has connections. */
const volumesAtOnce = 4

const totalOf = (results: readonly IndexResult[]): IndexResult => {
  const total = nothing()
  for (const one of results) {
    total.volumes += one.volumes
    total.backups += one.backups
    total.written += one.written
    total.removed += one.removed
    total.problems.push(...one.problems)
  }
  return total
}

/**
 * All of a store: what the catalog is made from again. `refusesEmpty`: a share that is not mounted is an empty folder, and what is
 * known is not forgotten because of it. A volume that cannot be looked at ends it; what was found of others is kept.
 * @throws BackupIndexError `empty-target`.
 */
export const indexTarget =
  (deps: IndexBackupsDeps) =>
  async (indexed: IndexedTarget, { refusesEmpty = false } = {}): Promise<IndexResult> => {
    const { target, store } = indexed
    const { partition } = catalogKeys.backupVolume(target, '')
    const names = new Set<string>()
    for await (const { name } of deps.catalog.backupVolumes.all({ partition })) names.add(name)
    const there = await listVolumeNames(store)
    if (refusesEmpty && there.length === 0 && names.size > 0) throw emptied(target)
    for (const name of there) names.add(name)
    const results: IndexResult[] = []
    await forEachConcurrently([...names].entries(), { limit: volumesAtOnce }, async ([at, name]) => {
      results[at] = await indexBackupVolume(deps)(indexed, name)
    })
    return totalOf(results)
  }

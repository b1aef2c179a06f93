/**
 * @module restored-volume: what was backed up under load, restored to a file and looked at: the file system, then what is in it.
 */
import { mkdirSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BlockWorkers } from '#lib/backup/block-workers.ts'
import { fileTarget } from '#lib/backup/file-target.ts'
import { restoreBackup } from '#lib/backup/restore-backup.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { has } from '../pool-file-system.ts'
import { cleanups, type Cleanups } from './cleanups.ts'
import { checkFioFile } from './fio-load.ts'
import { volumeName } from './loaded-volume.ts'
import {
  attachImage,
  checkFileSystem,
  detachImage,
  mount,
  needsReplay,
  unmount,
  type InnerFileSystem,
} from './mounting.ts'
import { checkPostgresRows, hasPostgres } from './postgres-rows.ts'
import { checkSqliteRows, journalModes, type JournalMode } from './sqlite-rows.ts'

/** Why databases under load cannot be tested here; `undefined`: they can. */
export const noDatabases = (): string | undefined => {
  const missing = ['fio', 'psql', 'runuser', 'e2fsck', 'dumpe2fs', 'xfs_repair'].filter(
    (program) => !has(program),
  )
  if (!hasPostgres()) missing.push('postgresql')
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`
}

export interface Restored {
  inner: InnerFileSystem
  folder: string
  store: ObjectStore
  workers: BlockWorkers
  backupName: string
}

export interface Found {
  rows: number
  /** Only of ext4. */
  hasReplayed: boolean
  postgresStartMs: number
}

type Committed = Record<JournalMode | 'postgres', number>

const restore = async ({ store, workers, backupName }: Restored, image: string): Promise<void> => {
  const target = await fileTarget(image, workers)
  try {
    await restoreBackup({ store })({ volumeName, backupName, target })
    await target.finish()
  } catch (error) {
    await target.abandon()
    throw error
  }
}

/** Mounted once, which replays its journal, it is without fault. Whether there was something to replay. */
const replay = async (inner: InnerFileSystem, device: string, mountpoint: string): Promise<boolean> => {
  const hasReplayed = inner === 'ext4' && (await needsReplay(device))
  await mount(inner, device, mountpoint)
  await unmount(mountpoint)
  await checkFileSystem(inner, device)
  return hasReplayed
}

const checkContent = async (
  mountpoint: string,
  sockets: string,
  committed: Committed,
  withPostgres: boolean,
): Promise<Omit<Found, 'hasReplayed'>> => {
  await checkFioFile(mountpoint)
  const counts = journalModes.map((mode) => checkSqliteRows(mountpoint, mode, committed[mode]))
  const postgres = withPostgres
    ? await checkPostgresRows(mountpoint, sockets, committed.postgres)
    : { rows: 0, startMs: 0 }
  const rows = counts.reduce((sum, count) => sum + count, postgres.rows)
  return { rows, postgresStartMs: postgres.startMs }
}

const checkImage = async (
  { inner, folder }: Restored,
  image: string,
  using: Cleanups,
  check: (mountpoint: string) => Promise<Omit<Found, 'hasReplayed'>>,
): Promise<Found> => {
  const mountpoint = join(folder, 'restored')
  mkdirSync(mountpoint)
  using.add(() => rmdirSync(mountpoint))
  const device = await attachImage(image)
  using.add(() => detachImage(device))
  const hasReplayed = await replay(inner, device, mountpoint)
  await mount(inner, device, mountpoint)
  using.add(() => unmount(mountpoint))
  return { ...(await check(mountpoint)), hasReplayed }
}

/** Restores it to a file, which goes when it was checked. `committed` is what was, before the snapshot. @throws whatever is not right. */
export const checkRestored = async (
  restored: Restored,
  committed: Committed,
  withPostgres: boolean,
): Promise<Found> => {
  const image = join(restored.folder, 'restored.img')
  const sockets = join(restored.folder, 'restored-sockets')
  const using = cleanups()
  using.add(() => rmSync(image, { force: true }))
  try {
    await restore(restored, image)
    return await checkImage(restored, image, using, (mountpoint) =>
      checkContent(mountpoint, sockets, committed, withPostgres),
    )
  } finally {
    await using.run()
  }
}

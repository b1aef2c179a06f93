/**
 * @module loaded-volume: a mounted volume of a pool that two SQLite databases, PostgreSQL and fio write to while it is snapshotted.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Host } from '#lib/volume/host.ts'
import { linuxHost } from '#lib/volume/linux-host.ts'
import { initPool, openPool, type Pool } from '#lib/volume/pool.ts'
import type { PoolKind } from '#lib/volume/pool-driver.ts'
import { VolumeError } from '#lib/volume/volume-error.ts'
import { makePoolFileSystem } from '../pool-file-system.ts'
import type { Cleanups } from './cleanups.ts'
import { startFio } from './fio-load.ts'
import { makeFileSystem, mount, sh, unmount, type InnerFileSystem } from './mounting.ts'
import { newPostgres, postgresWriter } from './postgres-rows.ts'
import type { RowWriter } from './row-writer.ts'
import { journalModes, sqliteWriter, type JournalMode } from './sqlite-rows.ts'

export interface Loading {
  kind: PoolKind
  inner: InnerFileSystem
  sizeBytes: number
  /** As if the file system could not be frozen, so that what is restored has a journal to replay. */
  cannotFreeze: boolean
}

export interface LoadedVolume {
  pool: Pool
  device: string
  writers: Record<JournalMode | 'postgres', RowWriter>
}

/** A snapshot copied for its whole length must hold off writers for as long, on any machine. */
const freezeDeadlineMs = { btrfs: 10_000, xfs: 10_000, copy: 120_000 } satisfies Record<PoolKind, number>

const hostWithoutFreeze = (lockFd: number): Host => {
  const host = linuxHost(lockFd)
  return {
    ...host,
    run: async (program, args) => {
      if (program !== 'fsfreeze' || args[0] !== '--freeze') return host.run(program, args)
      throw new VolumeError('host-failed', `fsfreeze ${args.join(' ')}: Operation not supported`)
    },
  }
}

const openPoolFor = async ({ kind, cannotFreeze }: Loading, folder: string): Promise<Pool> => {
  await initPool({ folder, kind })
  return openPool({
    folder,
    freezeDeadlineMs: freezeDeadlineMs[kind],
    ...(cannotFreeze ? { host: hostWithoutFreeze } : {}),
  })
}

export const volumeName = 'loaded'

const poolBytes = 6

/** `work` is a folder that the user `postgres` may pass through; all that is made there is removed by `made`. */
export const loadVolume = async (loading: Loading, work: string, made: Cleanups): Promise<LoadedVolume> => {
  const { kind, inner, sizeBytes } = loading
  const fileSystem = makePoolFileSystem(kind, poolBytes * sizeBytes)
  made.add(() => fileSystem.close())
  const pool = await openPoolFor(loading, fileSystem.folder)
  made.add(() => pool.close())
  await pool.createVolume({ name: volumeName, sizeBytes })
  const { path: device = '' } = await pool.attachVolume(volumeName, 'block')
  made.add(() => pool.detachVolume(volumeName))
  await makeFileSystem(inner, device)
  const folder = join(work, 'volume')
  mkdirSync(folder)
  await mount(inner, device, folder)
  await sh('chmod', ['755', folder])
  made.add(() => unmount(folder))
  return { pool, device, writers: await startWriting(folder, work, made) }
}

const startWriting = async (
  folder: string,
  work: string,
  made: Cleanups,
): Promise<LoadedVolume['writers']> => {
  const fio = await startFio(folder)
  made.add(() => fio.stop())
  const cluster = await newPostgres(folder, join(work, 'sockets'))
  made.add(() => cluster.stop())
  const [wal, rollback] = journalModes.map((mode) => sqliteWriter(folder, mode))
  const postgres = await postgresWriter(cluster)
  if (!wal || !rollback) throw new Error('SQLite has two journal modes')
  const writers = { wal, delete: rollback, postgres }
  for (const writer of Object.values(writers)) made.add(() => writer.stop())
  return writers
}

/**
 * @module list-backups: what a backupstore holds: its volumes, and their backups, each with the reason if it cannot be restored.
 */
import { forEachConcurrently } from '#lib/base/concurrency.ts'
import { blockSizeOf, type BackupHeader } from '#lib/backupstore/backup-config.ts'
import {
  latestBackup,
  listBackupNames,
  listVolumeNames,
  readBackupHeader,
  readVolumeConfig,
} from '#lib/backupstore/backup-volume.ts'
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import { isInProgress } from '#lib/backupstore/in-progress.ts'
import { volumeKeys, type VolumeKeys } from '#lib/backupstore/keys.ts'
import type { VolumeConfig } from '#lib/backupstore/volume-config.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { whyNotRestorable } from './restorable.ts'

export interface ListedBackup {
  name: string
  state: 'completed' | 'in-progress' | 'unreadable'
  /** Absent when its config cannot be read. */
  header: BackupHeader | undefined
  /** `undefined` where the config does not tell. */
  blockSizeBytes: number | undefined
  /** Why it cannot be restored; `undefined`: it can. */
  notRestorable: string | undefined
}

export interface ListedVolume {
  name: string
  /** Absent when volume.cfg is missing or cannot be read. */
  config: VolumeConfig | undefined
  problem: string | undefined
  backups: ListedBackup[]
  /** Which backups were looked for: all, or those that the caller named. */
  lookedFor: 'all' | readonly string[]
  /** Of those that were read; by their configs, not by volume.cfg. */
  lastBackupName: string | undefined
}

const concurrency = 16

const orReason = async <T>(reading: Promise<T>): Promise<T | BackupstoreError> =>
  reading.catch((error: unknown) => {
    if (error instanceof BackupstoreError) return error
    throw error
  })

const sizeOrNothing = (header: BackupHeader): number | undefined => {
  try {
    return blockSizeOf(header.parameters)
  } catch {
    return undefined
  }
}

const listBackup = async (
  store: ObjectStore,
  keys: VolumeKeys,
  volume: VolumeConfig | undefined,
  name: string,
): Promise<ListedBackup | undefined> => {
  const read = await orReason(readBackupHeader(store, keys, name))
  if (!read) return undefined
  if (read instanceof BackupstoreError) {
    return {
      name,
      state: 'unreadable',
      header: undefined,
      blockSizeBytes: undefined,
      notRestorable: read.message,
    }
  }
  return {
    name,
    state: isInProgress(read.value) ? 'in-progress' : 'completed',
    header: read.value,
    blockSizeBytes: sizeOrNothing(read.value),
    notRestorable: whyNotRestorable(read.value, volume),
  }
}

const byTime = (a: ListedBackup, b: ListedBackup): number =>
  (a.header?.snapshotCreatedAt ?? '').localeCompare(b.header?.snapshotCreatedAt ?? '') ||
  (a.name < b.name ? -1 : 1)

/**
 * One volume with its backups, oldest first: 2 requests and one ranged read a backup. `undefined`: there is nothing of it.
 *
 * `only`: whom it is enough to look for, by the backup that volume.cfg names as the last: a request less. Without a volume.cfg that can
 * be read all are looked for, since none can be restored then.
 */
export const listBackupVolume =
  (deps: { store: ObjectStore }) =>
  async (
    volumeName: string,
    only?: (lastBackupName: string) => readonly string[],
  ): Promise<ListedVolume | undefined> => {
    const { store } = deps
    const keys = volumeKeys(volumeName)
    const read = await orReason(readVolumeConfig(store, keys))
    const config = read instanceof BackupstoreError ? undefined : read?.value
    const lookedFor = config && only ? only(config.lastBackupName) : 'all'
    const names = lookedFor === 'all' ? await listBackupNames(store, keys) : lookedFor
    if (!read && names.length === 0) return undefined
    const backups: ListedBackup[] = []
    await forEachConcurrently(names, { limit: concurrency }, async (name) => {
      const backup = await listBackup(store, keys, config, name)
      if (backup) backups.push(backup)
    })
    const headers = backups.flatMap((backup) => backup.header ?? [])
    return {
      name: volumeName,
      config,
      problem: read instanceof BackupstoreError ? read.message : config ? undefined : 'volume.cfg is missing',
      backups: backups.toSorted(byTime),
      lookedFor,
      lastBackupName: latestBackup(headers)?.name,
    }
  }

/** All volumes of a store, by name, each with its backups. */
export const listBackupVolumes = (deps: { store: ObjectStore }) =>
  async function* (): AsyncGenerator<ListedVolume> {
    for (const name of await listVolumeNames(deps.store)) {
      const volume = await listBackupVolume(deps)(name)
      if (volume) yield volume
    }
  }

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
  /** Those that the caller knows. */
  unread: string[]
  /** Of those that were read; by their configs, not by volume.cfg. */
  lastBackupName: string | undefined
}

const concurrency = 16
const none: ReadonlySet<string> = new Set()

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
 * One volume with its backups, oldest first: 2 requests and one ranged read a backup, but those that are `known`: what is committed is never
 * written again. `undefined`: there is nothing of it.
 */
export const listBackupVolume =
  (deps: { store: ObjectStore }) =>
  async (volumeName: string, known: ReadonlySet<string> = none): Promise<ListedVolume | undefined> => {
    const { store } = deps
    const keys = volumeKeys(volumeName)
    const read = await orReason(readVolumeConfig(store, keys))
    const config = read instanceof BackupstoreError ? undefined : read?.value
    const names = await listBackupNames(store, keys)
    if (!read && names.length === 0) return undefined
    const backups: ListedBackup[] = []
    // Without its volume.cfg no backup can be restored.
    const unread = config ? names.filter((name) => known.has(name)) : []
    const unknown = names.filter((name) => !unread.includes(name))
    await forEachConcurrently(unknown, { limit: concurrency }, async (name) => {
      const backup = await listBackup(store, keys, config, name)
      if (backup) backups.push(backup)
    })
    const headers = backups.flatMap((backup) => backup.header ?? [])
    return {
      name: volumeName,
      config,
      problem: read instanceof BackupstoreError ? read.message : config ? undefined : 'volume.cfg is missing',
      backups: backups.toSorted(byTime),
      unread,
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

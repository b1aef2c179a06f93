/**
 * @module backup-volume: reading what a backupstore holds of one volume: its config, its backups, their order.
 *
 * A backup exists when its cfg is there and committed (CreatedTime is set). Which one is the last is decided here alone.
 */
import { getBytes, readAgain, type CallOptions, type ObjectStore } from '#lib/object-store/object-store.ts'
import {
  decodeBackupConfig,
  decodeBackupHeader,
  type BackupConfig,
  type BackupHeader,
} from './backup-config.ts'
import { BackupstoreError } from './backupstore-error.ts'
import { backupNameOf, volumeKeys, volumesFolder, type VolumeKeys } from './keys.ts'
import { isValidName } from './names.ts'
import { decodeVolumeConfig, maxVolumeConfigBytes, type VolumeConfig } from './volume-config.ts'

type Reads = Pick<ObjectStore, 'get' | 'list' | 'description'>

export interface Stored<T> {
  value: T
  etag: string
}

/** `undefined`: there is none. @throws BackupstoreError `invalid-config`. */
export const readVolumeConfig = async (
  store: Reads,
  keys: VolumeKeys,
  options: CallOptions = {},
): Promise<Stored<VolumeConfig> | undefined> => {
  const object = await getBytes(store, keys.volumeConfig, { ...options, maxBytes: maxVolumeConfigBytes })
  if (!object) return undefined
  const value = decodeVolumeConfig(object.bytes, keys.volumeConfig)
  return { value: { ...value, name: keys.volumeName }, etag: object.head.etag }
}

export const volumeMissing = (store: Pick<ObjectStore, 'description'>, keys: VolumeKeys): BackupstoreError =>
  new BackupstoreError(
    'volume-missing',
    `volume ${keys.volumeName} has no volume.cfg in ${store.description}`,
    {
      hint: 'look at the volumes that are there with "drover backup list"',
    },
  )

export const backupMissing = (
  store: Pick<ObjectStore, 'description'>,
  keys: VolumeKeys,
  backupName: string,
): BackupstoreError =>
  new BackupstoreError(
    'backup-missing',
    `volume ${keys.volumeName} has no backup ${backupName} in ${store.description}`,
    {
      hint: 'look at the backups that are there with "drover backup list"',
    },
  )

/** @throws BackupstoreError `volume-missing` or `invalid-config`. */
export const requireVolumeConfig = async (
  store: Reads,
  keys: VolumeKeys,
  options: CallOptions = {},
): Promise<VolumeConfig> => {
  const found = await readVolumeConfig(store, keys, options)
  if (found) return found.value
  throw volumeMissing(store, keys)
}

const checkNames = <T extends BackupHeader>(header: T, keys: VolumeKeys, backupName: string): T => {
  const key = keys.backupConfig(backupName)
  if (header.name !== backupName) {
    throw new BackupstoreError(
      'invalid-config',
      `${key}: Name is ${JSON.stringify(header.name.slice(0, 80))}, not ${backupName}`,
    )
  }
  if (header.volumeName !== keys.volumeName) {
    throw new BackupstoreError(
      'invalid-config',
      `${key}: VolumeName is ${JSON.stringify(header.volumeName.slice(0, 80))}`,
    )
  }
  return header
}

/** The whole config, committed or in progress; `undefined`: there is none. @throws BackupstoreError `invalid-config`, `unsupported`. */
export const readBackup = async (
  store: Reads,
  keys: VolumeKeys,
  backupName: string,
  options: CallOptions = {},
): Promise<Stored<BackupConfig> | undefined> => {
  const key = keys.backupConfig(backupName)
  return readAgain(async () => {
    const object = await store.get(key, options)
    if (!object) return undefined
    const value = checkNames(await decodeBackupConfig(object.body, key), keys, backupName)
    return { value, etag: object.head.etag }
  })
}

/** @throws BackupstoreError `backup-missing`, `backup-in-progress`, and what `readBackup` throws. */
export const requireBackup = async (
  store: Reads,
  keys: VolumeKeys,
  backupName: string,
  options: CallOptions = {},
): Promise<BackupConfig> => {
  const found = await readBackup(store, keys, backupName, options)
  if (!found) throw backupMissing(store, keys, backupName)
  if (found.value.createdAt !== '') return found.value
  throw new BackupstoreError(
    'backup-in-progress',
    `backup ${backupName} of volume ${keys.volumeName} is still in progress`,
    {
      hint: 'wait until it is finished; if the one that made it has died, delete it',
    },
  )
}

const headerBytes = 64 * 1024

/** All but the blocks, by a ranged read where that is enough; `undefined`: there is none. */
export const readBackupHeader = async (
  store: Reads,
  keys: VolumeKeys,
  backupName: string,
  options: CallOptions = {},
): Promise<Stored<BackupHeader> | undefined> => {
  const key = keys.backupConfig(backupName)
  const read = async (range?: { offsetBytes: number; lengthBytes: number }) => {
    const object = await store.get(key, { ...options, ...(range && { range }) })
    if (!object) return undefined
    const isWhole = !range || object.head.sizeBytes <= range.lengthBytes
    const header = await decodeBackupHeader(object.body, key, { isWhole })
    return header ? { value: checkNames(header, keys, backupName), etag: object.head.etag } : 'too-short'
  }
  const start = await readAgain(() => read({ offsetBytes: 0, lengthBytes: headerBytes }))
  if (start !== 'too-short') return start
  const whole = await readAgain(() => read())
  return whole === 'too-short' ? undefined : whole
}

/** The names in `backups/`, in progress or committed, sorted; one LIST for each 1,000. */
export const listBackupNames = async (
  store: Reads,
  keys: VolumeKeys,
  options: CallOptions = {},
): Promise<string[]> => {
  const names: string[] = []
  for await (const page of store.list(keys.backupsFolder, { ...options, delimiter: '/' })) {
    for (const { key } of page.objects) {
      const name = backupNameOf(keys, key)
      if (name !== undefined) names.push(name)
    }
  }
  return names.toSorted()
}

const foldersOf = async (store: Reads, prefix: string, options: CallOptions): Promise<string[]> => {
  const folders: string[] = []
  for await (const page of store.list(prefix, { ...options, delimiter: '/' })) folders.push(...page.folders)
  return folders
}

/** The volumes of a store: those whose folder lies where its name says. One LIST for each folder of the two upper levels. */
export const listVolumeNames = async (store: Reads, options: CallOptions = {}): Promise<string[]> => {
  const names: string[] = []
  for (const upper of await foldersOf(store, volumesFolder, options)) {
    for (const lower of await foldersOf(store, upper, options)) {
      for (const folder of await foldersOf(store, lower, options)) {
        const name = folder.slice(lower.length, -1)
        if (isValidName(name) && name !== 'BACKINGIMAGE' && volumeKeys(name).folder === folder)
          names.push(name)
      }
    }
  }
  return names.toSorted()
}

/** The committed backup with the latest SnapshotCreatedAt; of equal ones, the one completed last, then by name. */
export const latestBackup = <T extends Pick<BackupHeader, 'name' | 'createdAt' | 'snapshotCreatedAt'>>(
  headers: readonly T[],
): T | undefined =>
  headers
    .filter((header) => header.createdAt !== '')
    .toSorted(
      (a, b) =>
        Date.parse(b.snapshotCreatedAt) - Date.parse(a.snapshotCreatedAt) ||
        Date.parse(b.createdAt) - Date.parse(a.createdAt) ||
        (b.name < a.name ? -1 : 1),
    )[0]

/**
 * @module keys: where each object of a backupstore lies, below the root of a backup target. Source: longhorn.md 1.2.
 *
 * The only place that builds or takes apart such a key. What does not match exactly is not ours: temporary files
 * (`….tmp.<digits>`), other folders, names that Longhorn's rule refuses.
 */
import { checksumOf, isChecksum } from './checksum.ts'
import { checkName, isValidName } from './names.ts'

export const volumesFolder = 'backupstore/volumes/'

export interface VolumeKeys {
  volumeName: string
  /** `backupstore/volumes/{2}/{2}/{volume}/` */
  folder: string
  volumeConfig: string
  backupsFolder: string
  blocksFolder: string
  locksFolder: string
  /** Drover's own: blocks that a verify found bad. Beside volume.cfg, where Longhorn never looks. */
  badBlocks: string
  backupConfig: (backupName: string) => string
  lock: (lockName: string) => string
  block: (checksum: string) => string
}

/** @throws BackupstoreError `invalid-name`. */
export const volumeKeys = (volumeName: string): VolumeKeys => {
  const sum = checksumOf(checkName('volume', volumeName))
  const folder = `${volumesFolder}${sum.slice(0, 2)}/${sum.slice(2, 4)}/${volumeName}/`
  return {
    volumeName,
    folder,
    volumeConfig: `${folder}volume.cfg`,
    backupsFolder: `${folder}backups/`,
    blocksFolder: `${folder}blocks/`,
    locksFolder: `${folder}locks/`,
    badBlocks: `${folder}drover-bad-blocks.json`,
    backupConfig: (name) => `${folder}backups/backup_${checkName('backup', name)}.cfg`,
    lock: (name) => `${folder}locks/${checkName('lock', name)}.lck`,
    block: (checksum) => `${folder}blocks/${checksum.slice(0, 2)}/${checksum.slice(2, 4)}/${checksum}.blk`,
  }
}

const nameBetween = (key: string, prefix: string, suffix: string): string | undefined => {
  if (!key.startsWith(prefix) || !key.endsWith(suffix) || key.length < prefix.length + suffix.length)
    return undefined
  const name = key.slice(prefix.length, key.length - suffix.length)
  return isValidName(name) ? name : undefined
}

export const backupNameOf = (keys: VolumeKeys, key: string): string | undefined =>
  nameBetween(key, `${keys.backupsFolder}backup_`, '.cfg')

export const lockNameOf = (keys: VolumeKeys, key: string): string | undefined =>
  nameBetween(key, keys.locksFolder, '.lck')

export const blockChecksumOf = (keys: VolumeKeys, key: string): string | undefined => {
  const checksum = key.slice(-68, -4)
  return isChecksum(checksum) && key === keys.block(checksum) ? checksum : undefined
}

export interface ConfigName {
  volume: string
  /** `undefined`: it is `volume.cfg`. */
  backup: string | undefined
}

/** Whose config it is, `volume.cfg` or a backup's; `undefined` for any other key. */
export const configNameOf = (key: string): ConfigName | undefined => {
  const [volume = ''] = key.slice(volumesFolder.length + 'xx/yy/'.length).split('/', 1)
  if (!isValidName(volume)) return undefined
  const keys = volumeKeys(volume)
  const backup = backupNameOf(keys, key)
  return key === keys.volumeConfig || backup !== undefined ? { volume, backup } : undefined
}

/** What Longhorn's and our folder writers leave when they die before the rename. */
export const isTemporary = (key: string): boolean => /\.tmp\.\d+$/.test(key)

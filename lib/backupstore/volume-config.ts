/**
 * @module volume-config: `volume.cfg`, what a backupstore says of one volume. Source: longhorn.md 2.2.
 */
import { MiB } from '#lib/base/sizes.ts'
import { BackupstoreError } from './backupstore-error.ts'
import { goJsonDecoder, invalidConfig } from './go-json-decoder.ts'
import {
  mapTarget,
  quotedIntTarget,
  quotedStringTarget,
  stringTarget,
  structTarget,
} from './go-json-targets.ts'
import { goMap, goQuotedInt, goQuotedString, goString, goStruct, type Labels } from './go-json.ts'
import { isValidName } from './names.ts'

export interface VolumeConfig {
  name: string
  /** Current size of the volume; backups made before it grew restore to this size too. */
  sizeBytes: number
  /** Labels of the latest backup. `null` where the file says so or says nothing. */
  labels: Labels | null
  /** RFC 3339, UTC; of the first backup. May be empty. */
  createdAt: string
  /** Empty: none. */
  lastBackupName: string
  lastBackupAt: string
  blockCount: number
  backingImageName: string
  backingImageChecksum: string
  /** As written; empty means gzip (before Longhorn 1.5). */
  compressionMethod: string
  storageClassName: string
  /** As written; empty means v1. */
  dataEngine: string
}

/** A volume.cfg is its labels and little else; Kubernetes keeps those under 256 KiB. */
export const maxVolumeConfigBytes = 4 * MiB

/**
 * The config in the object `key`. Its name is as written, which is the caller's to compare with the folder's.
 * @throws BackupstoreError `invalid-config`, `config-too-large`.
 */
export const decodeVolumeConfig = (bytes: Uint8Array, key: string): VolumeConfig => {
  if (bytes.length > maxVolumeConfigBytes) {
    throw new BackupstoreError(
      'config-too-large',
      `${key} has ${bytes.length} bytes, more than any volume.cfg needs`,
    )
  }
  const config = emptyVolumeConfig()
  const decoder = goJsonDecoder(targetOf(config), key)
  decoder.write(bytes)
  decoder.end()
  if (config.sizeBytes <= 0)
    throw invalidConfig(key, 'Size', `is ${config.sizeBytes}, not the size of a volume`)
  if (config.lastBackupName !== '' && !isValidName(config.lastBackupName)) {
    const name = JSON.stringify(config.lastBackupName.slice(0, 80))
    throw invalidConfig(key, 'LastBackupName', `is ${name}, not the name of a backup`)
  }
  return config
}

const emptyVolumeConfig = (): VolumeConfig => ({
  name: '',
  sizeBytes: 0,
  labels: null,
  createdAt: '',
  lastBackupName: '',
  lastBackupAt: '',
  blockCount: 0,
  backingImageName: '',
  backingImageChecksum: '',
  compressionMethod: '',
  storageClassName: '',
  dataEngine: '',
})

const targetOf = (config: VolumeConfig) =>
  structTarget({
    Name: stringTarget((name) => void (config.name = name)),
    Size: quotedIntTarget((sizeBytes) => void (config.sizeBytes = sizeBytes)),
    Labels: mapTarget((labels) => void (config.labels = labels)),
    CreatedTime: stringTarget((time) => void (config.createdAt = time)),
    LastBackupName: stringTarget((name) => void (config.lastBackupName = name)),
    LastBackupAt: stringTarget((time) => void (config.lastBackupAt = time)),
    BlockCount: quotedIntTarget((count) => void (config.blockCount = count)),
    BackingImageName: quotedStringTarget((name) => void (config.backingImageName = name)),
    BackingImageChecksum: quotedStringTarget((checksum) => void (config.backingImageChecksum = checksum)),
    CompressionMethod: quotedStringTarget((method) => void (config.compressionMethod = method)),
    StorageClassName: quotedStringTarget((name) => void (config.storageClassName = name)),
    DataEngine: quotedStringTarget((engine) => void (config.dataEngine = engine)),
  })

/** Byte for byte as Longhorn's Go writes it. */
export const encodeVolumeConfig = (config: VolumeConfig): Uint8Array =>
  Buffer.from(
    goStruct({
      Name: goString(config.name),
      Size: goQuotedInt(config.sizeBytes),
      Labels: goMap(config.labels),
      CreatedTime: goString(config.createdAt),
      LastBackupName: goString(config.lastBackupName),
      LastBackupAt: goString(config.lastBackupAt),
      BlockCount: goQuotedInt(config.blockCount),
      BackingImageName: goQuotedString(config.backingImageName),
      BackingImageChecksum: goQuotedString(config.backingImageChecksum),
      CompressionMethod: goQuotedString(config.compressionMethod),
      StorageClassName: goQuotedString(config.storageClassName),
      DataEngine: goQuotedString(config.dataEngine),
    }),
  )

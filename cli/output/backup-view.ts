/**
 * @module backup-view: volumes and backups as they are shown, in tables and in JSON.
 */
import type { ListedBackup, ListedVolume } from '#lib/backup/list-backups.ts'
import { formatBytes } from '#lib/base/sizes.ts'
import type { Target } from '#lib/target/target-url.ts'
import { urlOf } from '../location.ts'
import { fieldsText, tableText, type Column } from './tables.ts'

const size = (bytes: number | undefined): string | undefined =>
  bytes === undefined ? undefined : formatBytes(bytes)
const orNothing = (text: string | undefined): string | undefined => (text === '' ? undefined : text)

/** Empty means gzip: before Longhorn 1.5 there was nothing else. */
const compressionName = (text: string | undefined): string | undefined => (text === '' ? 'gzip' : text)

const kind = ({ header, state }: ListedBackup): string | undefined => {
  if (!header || state !== 'completed') return undefined
  return header.isIncremental ? 'incremental' : 'full'
}

const backupState = ({ state, notRestorable }: ListedBackup): string => {
  if (state !== 'completed') return `${state}: ${notRestorable ?? ''}`
  return notRestorable === undefined ? 'ok' : `not restorable: ${notRestorable}`
}

const backupColumns: Column<ListedBackup>[] = [
  { title: 'BACKUP', value: (backup) => backup.name },
  { title: 'SNAPSHOT AT', value: (backup) => orNothing(backup.header?.snapshotCreatedAt) },
  {
    title: 'SIZE',
    value: (backup) => (backup.state === 'completed' ? size(backup.header?.sizeBytes) : undefined),
    isRight: true,
  },
  {
    title: 'UPLOADED',
    value: (backup) => (backup.state === 'completed' ? size(uploadedBytes(backup)) : undefined),
    isRight: true,
  },
  { title: 'KIND', value: kind },
  { title: 'STATE', value: backupState },
]

const uploadedBytes = ({ header }: ListedBackup): number | undefined =>
  header && header.newlyUploadedBytes + header.reUploadedBytes

const lastBackupAt = ({ backups, lastBackupName }: ListedVolume): string | undefined =>
  backups.find((backup) => backup.name === lastBackupName)?.header?.snapshotCreatedAt

const volumeState = ({ problem, backups }: ListedVolume): string => {
  const odd = backups.filter((backup) => backup.notRestorable !== undefined).length
  return problem ?? (odd === 0 ? 'ok' : `${odd} of its backups cannot be restored`)
}

const volumeColumns: Column<ListedVolume>[] = [
  { title: 'VOLUME', value: (volume) => volume.name },
  { title: 'SIZE', value: (volume) => size(volume.config?.sizeBytes), isRight: true },
  { title: 'BACKUPS', value: (volume) => String(volume.backups.length), isRight: true },
  { title: 'LAST BACKUP', value: (volume) => volume.lastBackupName },
  { title: 'SNAPSHOT AT', value: lastBackupAt },
  { title: 'STATE', value: volumeState },
]

export const volumesText = (volumes: readonly ListedVolume[]): string => tableText(volumes, volumeColumns)

export const backupsText = ({ name, backups }: ListedVolume): string =>
  backups.length === 0 ? `volume ${name} has no backups` : tableText(backups, backupColumns)

const blockCount = ({ header, blockSizeBytes }: ListedBackup): number | undefined =>
  header && blockSizeBytes && header.sizeBytes / blockSizeBytes

const labelsText = (labels: Record<string, string> | null | undefined): string | undefined =>
  orNothing(
    Object.entries(labels ?? {})
      .map((label) => label.join('='))
      .join(', '),
  )

export const backupFields = (target: Target, volumeName: string, backup: ListedBackup): string => {
  const { header, blockSizeBytes } = backup
  const blocks = blockCount(backup)
  return fieldsText({
    backup: backup.name,
    url: urlOf({ target, volumeName, backupName: backup.name }),
    state: backupState(backup),
    kind: kind(backup),
    snapshot: orNothing(header?.snapshotName),
    'snapshot at': orNothing(header?.snapshotCreatedAt),
    'completed at': orNothing(header?.createdAt),
    blocks:
      blocks === undefined
        ? undefined
        : `${blocks} of ${size(blockSizeBytes)}, ${size(header?.sizeBytes)} in all`,
    uploaded: size(uploadedBytes(backup)),
    compression: compressionName(header?.compressionMethod),
    labels: labelsText(header?.labels),
  })
}

export const volumeFields = (target: Target, volume: ListedVolume): string => {
  const { config } = volume
  return fieldsText({
    volume: volume.name,
    url: urlOf({ target, volumeName: volume.name }),
    state: volumeState(volume),
    size: size(config?.sizeBytes),
    'first backup': orNothing(config?.createdAt),
    'last backup': volume.lastBackupName,
    'blocks stored': config && String(config.blockCount),
    compression: compressionName(config?.compressionMethod),
    'storage class': orNothing(config?.storageClassName),
    'backing image': orNothing(config?.backingImageName),
    labels: labelsText(config?.labels),
  })
}

export const backupJson = (target: Target, volumeName: string, backup: ListedBackup) => {
  const { name, state, header, blockSizeBytes, notRestorable } = backup
  return {
    name,
    url: urlOf({ target, volumeName, backupName: name }),
    state,
    notRestorable,
    snapshotName: header?.snapshotName,
    snapshotCreatedAt: orNothing(header?.snapshotCreatedAt),
    createdAt: orNothing(header?.createdAt),
    isIncremental: header?.isIncremental,
    sizeBytes: header?.sizeBytes,
    blockSizeBytes,
    blockCount: blockCount(backup),
    newlyUploadedBytes: header?.newlyUploadedBytes,
    reUploadedBytes: header?.reUploadedBytes,
    compression: compressionName(header?.compressionMethod),
    labels: header?.labels,
    parameters: header?.parameters,
  }
}

export const volumeJson = (target: Target, volume: ListedVolume) => {
  const { name, config, problem, backups, lastBackupName } = volume
  return {
    name,
    url: urlOf({ target, volumeName: name }),
    problem,
    sizeBytes: config?.sizeBytes,
    createdAt: orNothing(config?.createdAt),
    lastBackupName,
    lastBackupAt: lastBackupAt(volume),
    blockCount: config?.blockCount,
    compression: compressionName(config?.compressionMethod),
    storageClassName: orNothing(config?.storageClassName),
    backingImageName: orNothing(config?.backingImageName),
    labels: config?.labels,
    backups: backups.map((backup) => backupJson(target, name, backup)),
  }
}

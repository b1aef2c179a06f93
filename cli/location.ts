/**
 * @module location: a backup target, a volume of it, or a backup, as arguments name them.
 */
import { formatBackupUrl, parseBackupUrl } from '#lib/target/backup-url.ts'
import { parseTargetUrl, type Target } from '#lib/target/target-url.ts'
import { UsageError } from './usage-error.ts'

export interface VolumeLocation {
  target: Target
  volumeName: string
  /** Absent: the whole volume. */
  backupName?: string
}

export type BackupLocation = Required<VolumeLocation>

export const urlOf = ({ target, ...address }: VolumeLocation): string => formatBackupUrl(target, address)

/** A URL of a backup or a volume. @throws TargetError `invalid-url`, UsageError. */
export const parseVolumeLocation = (text: string): VolumeLocation => {
  if (/[?&]backup=/.test(text) && !/[?&]volume=/.test(text.replaceAll('\\u0026', '&'))) {
    throw new UsageError('wrong-usage', `backup URL ${text} names no volume`, {
      hint: 'put the URL in quotes: a shell ends the command at its &',
    })
  }
  return parseBackupUrl(text)
}

export const parseBackupLocation = (text: string): BackupLocation => {
  const { target, volumeName, backupName } = parseVolumeLocation(text)
  if (backupName !== undefined) return { target, volumeName, backupName }
  throw new UsageError('wrong-usage', `${text} names a volume, but none of its backups`, {
    hint: `add &backup=<name>; "drover backup list '${text}'" shows the names`,
  })
}

/** Where only a whole volume will do. */
export const parseWholeVolume = (text: string): VolumeLocation => {
  const location = parseVolumeLocation(text)
  if (location.backupName === undefined) return location
  const { target, volumeName } = location
  throw new UsageError('wrong-usage', `${text} names one backup; this is for a whole volume`, {
    hint: `write ${urlOf({ target, volumeName })}`,
  })
}

/** A target, or a volume of it. */
export const parseTargetLocation = (text: string): { target: Target; volumeName?: string } =>
  /[?&](?:volume|backup)=/.test(text) ? parseWholeVolume(text) : { target: parseTargetUrl(text) }

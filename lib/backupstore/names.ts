/**
 * @module names: what may be a volume, backup or lock name. Source: longhorn.md 1.3.
 */
import { BackupstoreError } from './backupstore-error.ts'

/** `bs` ValidateName. Refuses `.`, `..`, `/` and every hidden name by its first character. */
const storePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/

/** S3 keys end at 1,024 bytes, file names at 255; `backup_` and `.cfg.tmp.<19 digits>` go around a name. */
const maximumLength = 200

export const isValidName = (name: string): boolean => name.length <= maximumLength && storePattern.test(name)

/** @throws BackupstoreError `invalid-name`. */
export const checkName = (kind: 'volume' | 'backup' | 'lock', name: string): string => {
  if (isValidName(name)) return name
  throw new BackupstoreError('invalid-name', `invalid ${kind} name ${JSON.stringify(name.slice(0, 80))}`, {
    hint: `a ${kind} name has 2 to ${maximumLength} characters: letters, digits, "_", "." and "-", and begins with a letter or digit`,
  })
}

const newVolumePattern = /^[a-z0-9][a-z0-9_.-]+$/

/** Longhorn's manager hides volumes with upper-case letters or more than 40 characters; a volume that we begin must not be hidden. */
export const maxNewVolumeNameLength = 40

export const isValidNewVolumeName = (name: string): boolean =>
  newVolumePattern.test(name) && name.length <= maxNewVolumeNameLength

/** @throws BackupstoreError `invalid-name`. */
export const checkNewVolumeName = (name: string): string => {
  if (isValidNewVolumeName(name)) return name
  throw new BackupstoreError(
    'invalid-name',
    `invalid name ${JSON.stringify(name.slice(0, 80))} for a new backup volume`,
    {
      hint: 'a volume name has 2 to 40 characters: lower-case letters, digits, "_", "." and "-", and begins with a letter or digit',
    },
  )
}

/**
 * @module restorable: whether the blocks of a backup alone make the volume again; what does not is listed with the reason.
 */
import { blockSizeOf, type BackupHeader } from '#lib/backupstore/backup-config.ts'
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import { compressionMethodOf } from '#lib/backupstore/block.ts'
import { isInProgress } from '#lib/backupstore/in-progress.ts'
import type { VolumeConfig } from '#lib/backupstore/volume-config.ts'
import { BackupError } from './backup-error.ts'

const encryptedLabel = 'volume-encrypted'

const unsupportedFormat = (header: BackupHeader): string | undefined => {
  try {
    blockSizeOf(header.parameters)
    compressionMethodOf(header.compressionMethod, header.name)
    return undefined
  } catch (error) {
    if (error instanceof BackupstoreError) return error.message
    throw error
  }
}

/** Why a backup cannot be restored here, in words for people; `undefined`: it can. */
export const whyNotRestorable = (
  header: BackupHeader,
  volume: VolumeConfig | undefined,
): string | undefined => {
  if (isInProgress(header)) return 'it is still in progress, or its maker died'
  if (!volume) return 'its volume.cfg, which has the size of the volume, is missing'
  if (volume.backingImageName !== '')
    return `it holds only what differs from the backing image ${volume.backingImageName}`
  if (header.labels?.[encryptedLabel] === 'enabled' || volume.labels?.[encryptedLabel] === 'enabled') {
    return 'the volume is encrypted by Longhorn, which corrects its size at a restore'
  }
  if (header.singleFilePath !== '')
    return 'it is a whole-file backup, of an interface that Longhorn never used for volumes'
  return unsupportedFormat(header)
}

/** @throws BackupError `not-restorable`. */
export const requireRestorable = (header: BackupHeader, volume: VolumeConfig): void => {
  const reason = whyNotRestorable(header, volume)
  if (reason === undefined) return
  throw new BackupError(
    'not-restorable',
    `backup ${header.name} of volume ${header.volumeName} cannot be restored here: ${reason}`,
    {
      hint: 'restore it with Longhorn',
    },
  )
}

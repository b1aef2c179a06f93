/**
 * @module mounting: file systems in a volume, or in an image that was restored from one.
 */
import { linuxHost } from '#lib/volume/linux-host.ts'

export type InnerFileSystem = 'ext4' | 'xfs'

/** Without blocking, unlike pool-file-system.ts: writers report meanwhile. */
export const sh = linuxHost().run

/** All of it at once: whatever ext4 would write later, in the background, is no idle volume's. */
const makers: Record<InnerFileSystem, readonly string[]> = {
  ext4: ['mkfs.ext4', '-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0'],
  xfs: ['mkfs.xfs', '-q'],
}

export const makeFileSystem = async (kind: InnerFileSystem, device: string): Promise<void> => {
  const [program = '', ...args] = makers[kind]
  await sh(program, [...args, device])
}

/** A restored XFS has the id of its original, which is mounted. */
const mountOptions: Record<InnerFileSystem, readonly string[]> = { ext4: [], xfs: ['-o', 'nouuid'] }

export const mount = async (kind: InnerFileSystem, device: string, folder: string): Promise<void> => {
  await sh('mount', ['-t', kind, ...mountOptions[kind], device, folder])
}

export const unmount = (folder: string): Promise<string> => sh('umount', [folder])

export const attachImage = async (image: string): Promise<string> =>
  (await sh('losetup', ['--find', '--show', '--direct-io=on', image])).trim()

export const detachImage = (device: string): Promise<string> => sh('losetup', ['--detach', device])

/** Unmounted, it has no fault. @throws VolumeError `host-failed` with what is wrong. */
export const checkFileSystem = async (kind: InnerFileSystem, device: string): Promise<void> => {
  if (kind === 'ext4') await sh('e2fsck', ['-fn', device])
  else await sh('xfs_repair', ['-n', device])
}

/** Whether its journal holds what a mount must replay first. Only ext4 tells. */
export const needsReplay = async (device: string): Promise<boolean> =>
  (await sh('dumpe2fs', ['-h', device])).includes('needs_recovery')

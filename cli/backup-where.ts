/**
 * @module backup-where: whether an argument is the address of a backup target, to be worked on directly, or names what the service's
 * catalog knows: `nas`, `nas/web`, `nas/web/backup-1`.
 */
import { UsageError } from './usage-error.ts'

export interface BackupReference {
  target: string
  backupVolume?: string
  backup?: string
}

export type BackupWhere = { kind: 'url' } | ({ kind: 'reference' } & BackupReference)

/** A URL has a colon, a path begins with `/`, `.` or `~`, and either may have a query. All else are names with `/` between. */
const isAddress = (text: string): boolean => /^[/.~]|[:?\\]/.test(text) || text === ''

/** @throws UsageError. */
export const backupWhere = (text: string): BackupWhere => {
  if (isAddress(text)) return { kind: 'url' }
  const [target = '', backupVolume, backup, ...more] = text.split('/')
  if ([target, backupVolume, backup].includes('') || more.length > 0)
    throw new UsageError('wrong-usage', `${JSON.stringify(text)} names no backup`, {
      hint: 'write TARGET/BACKUP-VOLUME/BACKUP, or the URL of a target, or a folder as ./backups',
    })
  return {
    kind: 'reference',
    target,
    ...(backupVolume !== undefined && { backupVolume }),
    ...(backup !== undefined && { backup }),
  }
}

/** @throws UsageError. */
export const requireBackup = (text: string, { target, backupVolume, backup }: BackupReference) => {
  if (backupVolume !== undefined && backup !== undefined) return { target, backupVolume, backup }
  throw new UsageError('wrong-usage', `${text} names no single backup`, {
    hint: `write ${target}/${backupVolume ?? 'BACKUP-VOLUME'}/BACKUP; "drover backup list ${text}" shows what there is`,
  })
}

/** @throws UsageError. */
export const requireBackupVolume = (text: string, { target, backupVolume, backup }: BackupReference) => {
  if (backupVolume !== undefined && backup === undefined) return { target, backupVolume }
  throw new UsageError('wrong-usage', `${text} names no whole backup volume`, {
    hint: `write ${target}/${backupVolume ?? 'BACKUP-VOLUME'}`,
  })
}

/** An option that is of no use here is told as such, instead of being passed over. @throws UsageError. */
export const refuseOptions = (
  options: Record<string, unknown>,
  names: readonly string[],
  where: string,
): void => {
  const given = names.find((name) => options[name] !== undefined)
  if (given === undefined) return
  const flag = `--${given.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
  throw new UsageError('wrong-usage', `option '${flag}' is not for ${where}`, {
    hint: 'leave it out; see --help',
  })
}

import type { Command } from 'commander'
import { deleteBackup } from '#lib/backup/delete-backup.ts'
import { deleteBackupVolume } from '#lib/backup/delete-backup-volume.ts'
import { formatBytes } from '#lib/base/sizes.ts'
import { backupWhere, refuseOptions } from '../backup-where.ts'
import { deleteBackupOnService, type ServiceOptions } from '../backups-on-service.ts'
import { requireAnswer, requireYes, yesOption, type YesOption } from '../confirmed.ts'
import { parseVolumeLocation, type VolumeLocation } from '../location.ts'
import { onService } from '../open-api.ts'
import { openStore } from '../open-store.ts'
import { withWait } from '../operate.ts'
import { parseDuration } from '../options.ts'
import { collectText } from '../output/collect-text.ts'
import { counted } from '../output/counted.ts'
import type { Outcome } from '../output/terminal.ts'
import { requireThere } from '../require-there.ts'
import type { Act, Session } from '../session.ts'
import { UsageError } from '../usage-error.ts'

interface Options extends ServiceOptions, YesOption {
  allBackups?: boolean
  lockWait?: number
}

const example = `
Examples:
  $ drover backup delete 's3://backups@eu-central-1/?backup=backup-0123456789abcdef&volume=web'
  $ drover backup delete 'file:///mnt/nas/backups/?volume=web' --all-backups
  $ drover backup delete nas/web/backup-0123456789abcdef --yes

Without a terminal --yes is needed.`

/** That much is deleted only when it is said twice. */
const requireExplicit = (url: string, { volumeName, backupName }: VolumeLocation, isAll: boolean): void => {
  if (backupName === undefined && !isAll) {
    throw new UsageError('wrong-usage', `${url} names the whole backup volume ${volumeName}`, {
      hint: `add --all-backups to delete the volume with all its backups, or &backup=<name> to delete one of them`,
    })
  }
  if (backupName !== undefined && isAll) {
    throw new UsageError('wrong-usage', `--all-backups was given, but ${url} names one backup`, {
      hint: 'leave one of the two out',
    })
  }
}

const removeFromStore = async (session: Session, url: string, options: Options): Promise<Outcome> => {
  refuseOptions({ ...options }, ['url', 'tokenFile', 'wait'], 'a URL')
  const location = parseVolumeLocation(url)
  requireExplicit(url, location, options.allBackups ?? false)
  const { target, volumeName, backupName } = location
  const what =
    backupName === undefined
      ? `volume ${volumeName} with all its backups`
      : `backup ${backupName} of volume ${volumeName}`
  requireAnswer(session, options, `deleting ${what}`)
  const { clock, ids, log, signal } = session
  const store = await openStore(target)
  await requireThere(store, volumeName, backupName)
  await requireYes(session, options, `delete ${what} from ${store.description}?`)
  const deps = { store, clock, ids, log }
  const limits = { lockWaitMs: options.lockWait, signal }
  if (backupName === undefined) {
    const result = await deleteBackupVolume(deps)({ volumeName, ...limits })
    const { deletedBackups, deletedBlocks, deletedBytes } = result
    const text = `deleted volume ${volumeName}: ${counted(deletedBackups, 'backup')}, ${counted(deletedBlocks, 'block')}, ${formatBytes(deletedBytes)}`
    return { json: result, text }
  }
  const result = await deleteBackup(deps)({ volumeName, backupName, ...limits })
  const collected = result.collect ? [collectText(result.collect)] : []
  return {
    json: result,
    text: [`deleted ${what}`, ...collected].join('\n'),
  }
}

const remove = async (session: Session, text: string, options: Options): Promise<Outcome> => {
  const where = backupWhere(text)
  if (where.kind === 'url') return removeFromStore(session, text, options)
  refuseOptions({ ...options }, ['allBackups', 'lockWait'], 'the service')
  return deleteBackupOnService(session, text, where, options)
}

export const addBackupDelete = (parent: Command, act: Act): Command =>
  withWait(onService(parent.command('delete')))
    .description('delete a backup, and the blocks that no other backup of its volume needs; asks first')
    .argument(
      '<backup>',
      'URL of a backup, or of a volume with --all-backups; or TARGET/BACKUP-VOLUME/BACKUP of the service',
    )
    .option('--all-backups', 'delete a volume with all its backups')
    .option(...yesOption)
    .option(
      '--lock-wait <duration>',
      'how long to wait for backups and restores of the volume to end (default: 15m)',
      parseDuration,
    )
    .addHelpText('after', example)
    .action((url: string, options: Options) => act((session) => remove(session, url, options)))

import type { Command } from 'commander'
import { listBackupVolume, listBackupVolumes, type ListedVolume } from '#lib/backup/list-backups.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { formatTargetUrl, type Target } from '#lib/target/target-url.ts'
import { backupWhere, refuseOptions, type BackupReference } from '../backup-where.ts'
import { listBackupsOnService } from '../backups-on-service.ts'
import { unlessAborted } from '../interruption.ts'
import { parseTargetLocation, urlOf } from '../location.ts'
import { onService, type ApiOptions } from '../open-api.ts'
import { openStore } from '../open-store.ts'
import { backupsText, volumeJson, volumesText } from '../output/backup-view.ts'
import type { Outcome } from '../output/terminal.ts'
import { volumeMissing } from '../require-there.ts'
import type { Act, Session } from '../session.ts'
import { UsageError } from '../usage-error.ts'

interface Options extends ApiOptions {
  volume?: string
}

const example = `
Examples:
  $ drover backup list s3://backups@eu-central-1/
  $ drover backup list file:///mnt/nas/backups/ --volume web
  $ drover backup list
  $ drover backup list nas/web`

const listVolumes = async (store: ObjectStore, target: Target): Promise<Outcome> => {
  const volumes: ListedVolume[] = []
  for await (const volume of listBackupVolumes({ store })()) volumes.push(volume)
  return {
    json: { target: formatTargetUrl(target), volumes: volumes.map((volume) => volumeJson(target, volume)) },
    text: volumes.length === 0 ? `no backup volumes in ${store.description}` : volumesText(volumes),
    handles: volumes.map(({ name }) => urlOf({ target, volumeName: name })),
  }
}

const listVolume = async (store: ObjectStore, target: Target, volumeName: string): Promise<Outcome> => {
  const volume = await listBackupVolume({ store })(volumeName)
  if (!volume) throw volumeMissing(volumeName, store)
  return {
    json: { target: formatTargetUrl(target), volume: volumeJson(target, volume) },
    text: backupsText(volume),
    handles: volume.backups.map(({ name }) => urlOf({ target, volumeName, backupName: name })),
  }
}

const otherVolume = (text: string, volume: string): UsageError =>
  new UsageError('wrong-usage', `${text} names another volume than --volume ${volume}`, {
    hint: 'give one of the two',
  })

/** In the target itself. */
const listStore = async (session: Session, text: string, options: Options): Promise<Outcome> => {
  refuseOptions({ ...options }, ['url', 'tokenFile'], 'a URL')
  const { target, volumeName = options.volume } = parseTargetLocation(text)
  if (options.volume !== undefined && volumeName !== options.volume) throw otherVolume(text, options.volume)
  const store = await openStore(target)
  const listing =
    volumeName === undefined ? listVolumes(store, target) : listVolume(store, target, volumeName)
  return unlessAborted(session.signal, listing)
}

const listCatalog = (
  session: Session,
  text: string,
  { target, backupVolume, backup }: BackupReference,
  { volume, ...options }: Options,
): Promise<Outcome> => {
  if (backup !== undefined)
    throw new UsageError('wrong-usage', `${text} names one backup`, {
      hint: `show it with: drover backup show ${text}`,
    })
  if (volume !== undefined && backupVolume !== undefined && volume !== backupVolume)
    throw otherVolume(text, volume)
  const named = backupVolume ?? volume
  return listBackupsOnService(
    session,
    { target, ...(named !== undefined && { backupVolume: named }) },
    options,
  )
}

const list = async (session: Session, text: string | undefined, options: Options): Promise<Outcome> => {
  if (text === undefined) {
    refuseOptions({ ...options }, ['volume'], 'the backups of all targets')
    return listBackupsOnService(session, undefined, options)
  }
  const where = backupWhere(text)
  return where.kind === 'url' ? listStore(session, text, options) : listCatalog(session, text, where, options)
}

export const addBackupList = (parent: Command, act: Act): Command =>
  onService(parent.command('list'))
    .description(
      "list a target's volumes, or one volume's backups, with the reason where one cannot be restored",
    )
    .argument(
      '[what]',
      "URL of a target or of a volume; or TARGET or TARGET/BACKUP-VOLUME of the service's catalog (default: all that it knows)",
    )
    .option('--volume <name>', 'list the backups of this volume')
    .addHelpText('after', example)
    .action((what: string | undefined, options: Options) => act((session) => list(session, what, options)))

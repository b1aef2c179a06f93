import type { Command } from 'commander'
import { listBackupVolume, listBackupVolumes, type ListedVolume } from '#lib/backup/list-backups.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { formatTargetUrl, type Target } from '#lib/target/target-url.ts'
import { unlessAborted } from '../interruption.ts'
import { parseTargetLocation, urlOf } from '../location.ts'
import { openStore } from '../open-store.ts'
import { backupsText, volumeJson, volumesText } from '../output/backup-view.ts'
import type { Outcome } from '../output/terminal.ts'
import { volumeMissing } from '../require-there.ts'
import type { Act, Session } from '../session.ts'
import { UsageError } from '../usage-error.ts'

interface Options {
  volume?: string
}

const example = `
Examples:
  $ drover backup list s3://backups@eu-central-1/
  $ drover backup list file:///mnt/nas/backups/ --volume web`

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

const list = async (session: Session, text: string, options: Options): Promise<Outcome> => {
  const { target, volumeName = options.volume } = parseTargetLocation(text)
  if (options.volume !== undefined && volumeName !== options.volume) {
    throw new UsageError('wrong-usage', `${text} names another volume than --volume ${options.volume}`, {
      hint: 'give one of the two',
    })
  }
  const store = await openStore(target)
  const listing =
    volumeName === undefined ? listVolumes(store, target) : listVolume(store, target, volumeName)
  return unlessAborted(session.signal, listing)
}

export const addBackupList = (parent: Command, act: Act): Command =>
  parent
    .command('list')
    .description(
      "list a target's volumes, or one volume's backups, with the reason where one cannot be restored",
    )
    .argument('<target>', 'backup target, or the URL of a volume')
    .option('--volume <name>', 'list the backups of this volume')
    .addHelpText('after', example)
    .action((target: string, options: Options) => act((session) => list(session, target, options)))

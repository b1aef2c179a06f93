import type { Command } from 'commander'
import { listBackupVolume } from '#lib/backup/list-backups.ts'
import { unlessAborted } from '../interruption.ts'
import { parseVolumeLocation } from '../location.ts'
import { openStore } from '../open-store.ts'
import { backupFields, backupJson, backupsText, volumeFields, volumeJson } from '../output/backup-view.ts'
import type { Outcome } from '../output/terminal.ts'
import { backupMissing, volumeMissing } from '../require-there.ts'
import type { Act, Session } from '../session.ts'

const example = `
Examples:
  $ drover backup inspect 's3://backups@eu-central-1/?backup=backup-0123456789abcdef&volume=web'
  $ drover backup inspect 'file:///mnt/nas/backups/?volume=web'`

const inspect = async (session: Session, text: string): Promise<Outcome> => {
  const { target, volumeName, backupName } = parseVolumeLocation(text)
  const store = await openStore(target)
  const volume = await unlessAborted(session.signal, listBackupVolume({ store })(volumeName))
  if (!volume) throw volumeMissing(volumeName, store)
  if (backupName === undefined) {
    return {
      json: volumeJson(target, volume),
      text: `${volumeFields(target, volume)}\n\n${backupsText(volume)}`,
    }
  }
  const backup = volume.backups.find(({ name }) => name === backupName)
  if (!backup) throw backupMissing(volumeName, backupName, store)
  return { json: backupJson(target, volumeName, backup), text: backupFields(target, volumeName, backup) }
}

export const addBackupInspect = (parent: Command, act: Act): Command =>
  parent
    .command('inspect')
    .description('show one backup, or a volume with all its backups')
    .argument('<url>', 'URL of a backup or of a volume')
    .addHelpText('after', example)
    .action((url: string) => act((session) => inspect(session, url)))

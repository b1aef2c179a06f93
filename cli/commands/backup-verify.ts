import type { Command } from 'commander'
import {
  verifyBackups,
  type VerifyBackupsDeps,
  type VerifyBackupsResult,
} from '#lib/backup/verify-backups.ts'
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import { formatBytes } from '#lib/base/sizes.ts'
import { backupWhere, refuseOptions } from '../backup-where.ts'
import { verifyBackupOnService, type ServiceOptions } from '../backups-on-service.ts'
import { parseVolumeLocation } from '../location.ts'
import { onService } from '../open-api.ts'
import { openStore } from '../open-store.ts'
import { withWait } from '../operate.ts'
import { counted } from '../output/counted.ts'
import { tableText } from '../output/tables.ts'
import type { Outcome } from '../output/terminal.ts'
import { requireThere } from '../require-there.ts'
import type { Act, Session } from '../session.ts'

const example = `
Examples:
  $ drover backup verify 'file:///mnt/nas/backups/?volume=web'
  $ drover backup verify 's3://backups@eu-central-1/?backup=backup-0123456789abcdef&volume=web'
  $ drover backup verify nas/web/backup-0123456789abcdef

Reads every block once, and ends with exit code 4 if anything is bad. The next backup of the volume sends bad blocks again.`

interface Row {
  name: string
  state: string
}

const rowsOf = ({ backups, badConfigs, inProgress }: VerifyBackupsResult): Row[] => [
  ...backups.map(({ name, badBlocks }) => ({
    name,
    state: badBlocks === 0 ? 'ok' : counted(badBlocks, 'bad block'),
  })),
  ...badConfigs.map(({ name, reason }) => ({ name, state: `damaged: ${reason}` })),
  ...inProgress.map((name) => ({ name, state: 'in progress, not verified' })),
]

/** A store that lost much has more than anybody reads; JSON has all. */
const shownBlocks = 50

const badText = ({ bad }: VerifyBackupsResult): string[] => {
  if (bad.length === 0) return []
  const more = bad.length > shownBlocks ? [`… and ${bad.length - shownBlocks} more; --json has all`] : []
  const columns = [
    { title: 'BAD BLOCK', value: (block: { checksum: string }) => block.checksum },
    { title: 'REASON', value: (block: { reason: string }) => block.reason },
  ]
  return ['', tableText(bad.slice(0, shownBlocks), columns), ...more]
}

const text = (result: VerifyBackupsResult, isSound: boolean): string => {
  const columns = [
    { title: 'BACKUP', value: (row: Row) => row.name },
    { title: 'STATE', value: (row: Row) => row.state },
  ]
  const read = `${counted(result.checkedBlocks, 'block')}, ${formatBytes(result.checkedBytes)} read`
  return [
    tableText(rowsOf(result), columns),
    ...badText(result),
    '',
    `${read}: ${isSound ? 'nothing is wrong' : 'damaged'}`,
  ].join('\n')
}

const verify = async (session: Session, url: string, options: ServiceOptions): Promise<Outcome> => {
  const where = backupWhere(url)
  if (where.kind === 'reference') return verifyBackupOnService(session, url, where, options)
  refuseOptions({ ...options }, ['url', 'tokenFile', 'wait'], 'a URL')
  const { target, volumeName, backupName } = parseVolumeLocation(url)
  const { workers, progress, clock, log, signal } = session
  const store = await openStore(target)
  await requireThere(store, volumeName, backupName)
  const check: VerifyBackupsDeps['check'] = (block) => workers.run({ kind: 'check', block })
  const result = await verifyBackups({ store, clock, log, check })({
    volumeName,
    backupName,
    signal,
    onProgress: ({ doneBlocks, totalBlocks }) =>
      progress.show({ what: 'verifying', done: doneBlocks, total: totalBlocks, unit: 'blocks' }),
  })
  if (backupName !== undefined && result.inProgress.length > 0) {
    throw new BackupstoreError(
      'backup-in-progress',
      `backup ${backupName} of volume ${volumeName} is still in progress`,
      {
        hint: 'wait until it is finished; if the one that made it has died, delete it',
      },
    )
  }
  const isSound = result.bad.length === 0 && result.badConfigs.length === 0
  return { json: { isSound, ...result }, text: text(result, isSound), exit: isSound ? 'done' : 'damaged' }
}

export const addBackupVerify = (parent: Command, act: Act): Command =>
  withWait(onService(parent.command('verify')))
    .description('read and check every block of a backup, or of all backups of a volume')
    .argument(
      '<backup>',
      'URL of a backup or of a volume; or TARGET/BACKUP-VOLUME/BACKUP of the service, or its /latest',
    )
    .addHelpText('after', example)
    .action((url: string, options: ServiceOptions) => act((session) => verify(session, url, options)))

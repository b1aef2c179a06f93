import type { Command } from 'commander'
import type { CollectOutcome } from '#lib/backup/collect-blocks.ts'
import { collectBackupVolume } from '#lib/backup/delete-backup.ts'
import { backupWhere, refuseOptions } from '../backup-where.ts'
import { collectOnService, type ServiceOptions } from '../backups-on-service.ts'
import { parseWholeVolume } from '../location.ts'
import { onService } from '../open-api.ts'
import { openStore } from '../open-store.ts'
import { withWait } from '../operate.ts'
import { parseDuration } from '../options.ts'
import { collectText } from '../output/collect-text.ts'
import type { Exit } from '../output/exit-codes.ts'
import type { Outcome } from '../output/terminal.ts'
import { requireThere } from '../require-there.ts'
import type { Act, Session } from '../session.ts'

interface Options extends ServiceOptions {
  lockWait?: number
}

const example = `
Examples:
  $ drover backup collect 's3://backups@eu-central-1/?volume=web'
  $ drover backup collect nas/web`

const skippedExits: Record<Extract<CollectOutcome, { kind: 'skipped' }>['reason'], Exit> = {
  'in-progress': 'busy',
  changed: 'busy',
  unreadable: 'damaged',
}

const collect = async (session: Session, url: string, options: Options): Promise<Outcome> => {
  const where = backupWhere(url)
  if (where.kind === 'reference') {
    refuseOptions({ ...options }, ['lockWait'], 'the service')
    return collectOnService(session, url, where, options)
  }
  refuseOptions({ ...options }, ['url', 'tokenFile', 'wait'], 'a URL')
  const { target, volumeName } = parseWholeVolume(url)
  const { clock, ids, log, signal } = session
  const store = await openStore(target)
  await requireThere(store, volumeName)
  const outcome = await collectBackupVolume({ store, clock, ids, log })({
    volumeName,
    lockWaitMs: options.lockWait,
    signal,
  })
  return {
    json: { volumeName, ...outcome },
    text: collectText(outcome),
    exit: outcome.kind === 'skipped' ? skippedExits[outcome.reason] : 'done',
  }
}

export const addBackupCollect = (parent: Command, act: Act): Command =>
  withWait(onService(parent.command('collect')))
    .description('remove what failed backups of a volume left: their marks, and blocks that no backup needs')
    .argument('<volume>', 'URL of a volume; or TARGET/BACKUP-VOLUME of the service')
    .option(
      '--lock-wait <duration>',
      'how long to wait for backups and restores of the volume to end (default: 15m)',
      parseDuration,
    )
    .addHelpText('after', example)
    .action((url: string, options: Options) => act((session) => collect(session, url, options)))

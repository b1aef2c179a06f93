import type { Command } from 'commander'
import { backupWhere } from '../backup-where.ts'
import { showBackupOnService } from '../backups-on-service.ts'
import { onService, type ApiOptions } from '../open-api.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import { UsageError } from '../usage-error.ts'

const show = async (session: Session, text: string, options: ApiOptions): Promise<Outcome> => {
  const where = backupWhere(text)
  if (where.kind === 'reference') return showBackupOnService(session, text, where, options)
  throw new UsageError('wrong-usage', `${text} is a URL; this shows what the catalog knows`, {
    hint: `look into the target itself with: drover backup inspect '${text}'`,
  })
}

export const addBackupShow = (parent: Command, act: Act): Command =>
  onService(parent.command('show'))
    .description("show what the service's catalog knows of a backup")
    .argument('<backup>', 'TARGET/BACKUP-VOLUME/BACKUP, or TARGET/BACKUP-VOLUME/latest')
    .addHelpText('after', '\nExample:\n  $ drover backup show nas/web/backup-0123456789abcdef')
    .action((backup: string, options: ApiOptions) => act((session) => show(session, backup, options)))

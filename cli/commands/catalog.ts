import type { Command } from 'commander'
import { onService, type ApiOptions } from '../open-api.ts'
import type { Act } from '../session.ts'
import { indexTarget } from './target.ts'

export const addCatalog = (parent: Command, act: Act): void => {
  const catalog = parent
    .command('catalog')
    .description('what the service knows of backups')
    .addHelpText('after', '\nExample:\n  $ drover catalog rebuild nas')
  onService(catalog.command('rebuild'))
    .description("make the catalog what a target's backupstore holds, be it from nothing")
    .argument('<target>', 'name of the target')
    .addHelpText('after', '\nExample:\n  $ drover catalog rebuild nas\n\nNothing in the target is changed.')
    .action((target: string, options: ApiOptions) => act((session) => indexTarget(session, target, options)))
}

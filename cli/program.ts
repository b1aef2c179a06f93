/**
 * @module program: the commands of `drover`, their options and their help.
 */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import * as z from 'zod'
import { addBackupCollect } from './commands/backup-collect.ts'
import { addBackupCreate } from './commands/backup-create.ts'
import { addBackupDelete } from './commands/backup-delete.ts'
import { addBackupInspect } from './commands/backup-inspect.ts'
import { addBackupList } from './commands/backup-list.ts'
import { addBackupVerify } from './commands/backup-verify.ts'
import { addPool } from './commands/pool.ts'
import { addRestore } from './commands/restore.ts'
import { exits } from './output/exit-codes.ts'
import type { Act } from './session.ts'

const exitLines = Object.values(exits).map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`)

const footer = `
Example:
  $ drover backup create --from disk.img --to file:///mnt/nas/backups/ --volume web
  $ drover backup list file:///mnt/nas/backups/ --volume web
  $ drover restore 'file:///mnt/nas/backups/?backup=<name>&volume=web' --to restored.img

Volumes of this machine, with snapshots: see drover pool --help.
Keys of S3 targets come from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINTS and others, see docs/cli.md.

Exit codes:
${exitLines.join('\n')}`

const backupFooter = `
Example:
  $ drover backup list file:///mnt/nas/backups/`

const Package = z.object({ version: z.string() })

const version = (): string =>
  Package.parse(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))).version

/** Throws commander's errors instead of ending the process, and leaves it to the caller to show them. */
export const droverProgram = (act: Act): Command => {
  const program = new Command('drover')
    .description("back up block volumes in Longhorn's backupstore format, and restore them")
    .version(version(), '--version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .option('--json', 'results as one JSON document on stdout, errors as one on stderr')
    .option('--quiet', 'no progress and no remarks; of results only URLs, devices and names')
    .option('--verbose', 'log events and the causes of errors, on stderr')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .addHelpText('after', footer)
  const backup = program
    .command('backup')
    .description('make, list, check and delete backups')
    .addHelpText('after', backupFooter)
  for (const add of [
    addBackupCreate,
    addBackupList,
    addBackupInspect,
    addBackupVerify,
    addBackupDelete,
    addBackupCollect,
  ]) {
    add(backup, act)
  }
  addRestore(program, act)
  addPool(program, act)
  return program
}

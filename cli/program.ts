/**
 * @module program: the commands of `drover`, their options and their help.
 */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import * as z from 'zod'
import { addAws } from './commands/aws.ts'
import { addBackupCollect } from './commands/backup-collect.ts'
import { addBackupCreate } from './commands/backup-create.ts'
import { addBackupDelete } from './commands/backup-delete.ts'
import { addBackupInspect } from './commands/backup-inspect.ts'
import { addBackupList } from './commands/backup-list.ts'
import { addBackupShow } from './commands/backup-show.ts'
import { addBackupVerify } from './commands/backup-verify.ts'
import { addCatalog } from './commands/catalog.ts'
import { addCluster } from './commands/cluster.ts'
import { addCompletion } from './commands/completion.ts'
import { addJob } from './commands/job.ts'
import { addNode } from './commands/node.ts'
import { addOperation } from './commands/operation.ts'
import { addDemo } from './commands/demo.ts'
import { addPool } from './commands/pool.ts'
import { addRestore } from './commands/restore.ts'
import { addSetting } from './commands/setting.ts'
import { addSnapshot } from './commands/snapshot.ts'
import { addTarget } from './commands/target.ts'
import { addToken } from './commands/token.ts'
import { addVolume } from './commands/volume.ts'
import { exits } from './output/exit-codes.ts'
import type { Act } from './session.ts'

const exitLines = Object.values(exits).map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`)

const footer = `
Example:
  $ drover backup create --from disk.img --to file:///mnt/nas/backups/ --volume web
  $ drover backup list file:///mnt/nas/backups/ --volume web
  $ drover restore 'file:///mnt/nas/backups/?backup=<name>&volume=web' --to restored.img

Volumes of the service, which "npm start" starts: volume, snapshot, job, target, operation, cluster, node, catalog, setting, token;
and backup and restore where a name stands in place of a URL. It is found by DROVER_URL and DROVER_TOKEN, or by itself on its own machine.
  $ drover volume create web --size 20Gi --target nas
  $ drover backup create web
  $ drover restore nas/web/latest --volume web-2

Volumes of this machine without a service, with snapshots: see drover pool --help.
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
    addBackupShow,
    addBackupInspect,
    addBackupVerify,
    addBackupDelete,
    addBackupCollect,
  ]) {
    add(backup, act)
  }
  for (const add of [
    addRestore,
    addPool,
    addVolume,
    addSnapshot,
    addJob,
    addOperation,
    addTarget,
    addCluster,
    addNode,
    addCatalog,
    addSetting,
    addToken,
    addAws,
    addDemo,
    addCompletion,
  ]) {
    add(program, act)
  }
  return program
}

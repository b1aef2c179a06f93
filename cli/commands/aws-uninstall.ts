import type { Command } from 'commander'
import { findLeftovers, isAnythingLeft } from '#lib/installation/find-leftovers.ts'
import type { MadeKind } from '#lib/installation/installation.ts'
import { checkIsDrover, uninstall, type Uninstalled } from '#lib/installation/uninstall.ts'
import { requireAnswer, requireYes, yesOption, type YesOption } from '../confirmed.ts'
import { keptLines, leftoversJson, leftoversText, type Where } from '../output/installation-view.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import { onInstallation, withInstallation, type InstallationOptions } from '../with-installation.ts'

interface Options extends InstallationOptions, YesOption {
  keepSecrets?: boolean
}

const example = `
Example:
  $ drover aws uninstall --stack drover --region eu-central-1

Deletes the stack, then what its functions had made: rules of recurring jobs, queues of nodes, secrets of targets. Backups stay: the bucket
with them, and the table with the catalog, are kept, and it says how to delete these. Cut off, it is run again, and goes on.`

const doing: Record<'stack' | MadeKind, string> = {
  stack: 'deleting the stack',
  rules: 'removing rules',
  queues: 'removing queues',
  secrets: 'removing secrets',
}

const outcomeOf = (where: Where, { left, isComplete }: Uninstalled): Outcome => {
  const commands = keptLines(left.stack, where)
  const kept = ['', 'the backups and their catalog are kept; to delete them too, for good:', ...commands]
  return {
    json: { uninstalled: leftoversJson(where, left), isComplete },
    text: [leftoversText(where, left), ...(commands.length === 0 ? [] : kept)].join('\n'),
    exit: isComplete ? 'done' : 'failed',
    isLast: true,
  }
}

const run = async (session: Session, options: Options): Promise<Outcome> => {
  requireAnswer(session, options, `uninstalling ${options.stack}`)
  return withInstallation(session, options, async ({ installation, region }) => {
    const where = { stack: options.stack, region }
    const found = await findLeftovers(installation)
    checkIsDrover(found)
    const going = options.keepSecrets ? { ...found, secrets: [] } : found
    if (isAnythingLeft(going)) {
      session.tell({ json: { found: leftoversJson(where, going) }, text: leftoversText(where, going) })
      await requireYes(session, options, `uninstall ${options.stack} in ${region}?`)
    }
    const { clock, progress, signal } = session
    const done = await uninstall({
      installation,
      clock,
      signal,
      onStep: ({ what, ...step }) => progress.show({ what: doing[what], ...step, unit: 'resources' }),
    })({ keepSecrets: options.keepSecrets ?? false })
    return outcomeOf(where, done)
  })
}

export const addAwsUninstall = (parent: Command, act: Act): Command =>
  onInstallation(parent.command('uninstall'))
    .description('delete an installation, and what it made; backups stay')
    .option(...yesOption)
    .option('--keep-secrets', "leave the targets' credentials in Secrets Manager")
    .addHelpText('after', example)
    .action((options: Options) => act((session) => run(session, options)))

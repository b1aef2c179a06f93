import type { Command } from 'commander'
import { leftoversJson, leftoversText } from '../output/installation-view.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import { onInstallation, withInstallation, type InstallationOptions } from '../with-installation.ts'

const example = `
Example:
  $ drover aws leftovers --stack drover --region eu-central-1

Shows the stack, and what its functions made at run time, which CloudFormation does not know of: rules of recurring jobs, queues of nodes,
secrets of targets. It changes nothing. It ends with 0 if there is nothing of it, and with 1 if there is; what the stack keeps on purpose
when it is deleted (the table, the bucket with the backups) does not count.`

const look = (session: Session, options: InstallationOptions): Promise<Outcome> =>
  withInstallation(session, options, async ({ installation, region }) => {
    const { findLeftovers, isAnythingLeft } = await import('#lib/installation/find-leftovers.ts')
    const left = await findLeftovers(installation)
    const where = { stack: options.stack, region }
    return {
      json: leftoversJson(where, left),
      text: leftoversText(where, left),
      handles: [...left.rules, ...left.queues, ...left.secrets],
      exit: isAnythingLeft(left) ? 'failed' : 'done',
    }
  })

export const addAwsLeftovers = (parent: Command, act: Act): Command =>
  onInstallation(parent.command('leftovers'))
    .description('see what there is of an installation; ends with 0 if nothing is left')
    .addHelpText('after', example)
    .action((options: InstallationOptions) => act((session) => look(session, options)))

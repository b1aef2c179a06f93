import { Option, type Command } from 'commander'
import { warnOfLoneGroups } from '../lone-groups.ts'
import { onService, openApi, type ApiOptions } from '../open-api.ts'
import { parseNotEmpty } from '../options.ts'
import type { Outcome } from '../output/terminal.ts'
import { volumeOutcome } from '../output/volume-view.ts'
import type { Act, Session } from '../session.ts'
import { UsageError } from '../usage-error.ts'
import { clusterOption, volumeReference, type ClusterOptions } from '../volume-reference.ts'

interface Options extends ApiOptions, ClusterOptions {
  target?: string | false
  backupVolume?: string
  job?: string[]
  /** False with `--no-jobs`. */
  jobs: boolean
  group?: string[]
  groups: boolean
}

const example = `
Examples:
  $ drover volume set web --target nas --backup-volume web
  $ drover volume set web --job nightly hourly --no-groups
  $ drover volume set web --no-target

What is not given stays as it is.`

/** @throws UsageError. */
const changeOf = ({ target, backupVolume, job, jobs, group, groups }: Options) => {
  const change = {
    ...(target !== undefined && { target: target === false ? null : target }),
    ...(backupVolume !== undefined && { backupVolume }),
    ...((job || !jobs) && { jobs: job ?? [] }),
    ...((group || !groups) && { groups: group ?? [] }),
  }
  if (Object.keys(change).length > 0) return change
  throw new UsageError('wrong-usage', 'nothing to change was given', {
    hint: 'give --target, --backup-volume, --job or --group; see drover volume set --help',
  })
}

const change = async (session: Session, name: string, options: Options): Promise<Outcome> => {
  const { cluster, volume } = volumeReference(name, options)
  const body = changeOf(options)
  const client = await openApi(session, options)
  const changed = await client.volumes.change(cluster, volume, body)
  await warnOfLoneGroups(session, client, options.group)
  return volumeOutcome(changed)
}

export const addVolumeSet = (parent: Command, act: Act): Command =>
  onService(parent.command('set'))
    .description('change where the backups of a volume go, and the jobs that it takes part in')
    .argument('<volume>', 'name of the volume')
    .addOption(clusterOption())
    .option('--target <name>', 'where its backups go', parseNotEmpty)
    .option('--no-target', 'it is not backed up')
    .option('--backup-volume <name>', 'their name in the target', parseNotEmpty)
    .addOption(new Option('--job <name...>', 'recurring jobs that it takes part in').conflicts('jobs'))
    .option('--no-jobs', 'it takes part in none by name')
    .addOption(new Option('--group <name...>', 'groups of recurring jobs').conflicts('groups'))
    .option('--no-groups', 'it takes part in none by group')
    .addHelpText('after', example)
    .action((name: string, options: Options) => act((session) => change(session, name, options)))

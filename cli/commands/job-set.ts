import { Option, type Command } from 'commander'
import type { ApiClient } from '#lib/api/client.ts'
import { RequestError } from '#lib/api/requests.ts'
import type { Job } from '../answers.ts'
import { parseLabels } from '../labels.ts'
import { onService, openApi, type ApiOptions } from '../open-api.ts'
import { parseCount, parseNotEmpty } from '../options.ts'
import { jobOutcome } from '../output/job-view.ts'
import type { Outcome } from '../output/terminal.ts'
import type { Act, Session } from '../session.ts'
import { UsageError } from '../usage-error.ts'

interface Options extends ApiOptions {
  task?: Job['task']
  cron?: string
  retain?: number
  label?: string[]
  /** False with `--no-labels`. */
  labels: boolean
  group?: string[]
  groups: boolean
  enable?: boolean
  disable?: boolean
}

const createExample = `
Examples:
  $ drover job create nightly --task backup --cron '0 2 * * *' --retain 14
  $ drover job create hourly --task snapshot --cron '0 * * * *' --retain 24 --group default

Five fields, in UTC. Volumes of the group default are those that name neither job nor group.`

const setExample = `
Examples:
  $ drover job set nightly --retain 30
  $ drover job set nightly --disable

What is not given stays as it is; a job that is not there is made.`

const presentJob = async (client: ApiClient, name: string): Promise<Job | undefined> => {
  try {
    return await client.jobs.show(name)
  } catch (error) {
    if (error instanceof RequestError && error.code === 'not-found') return undefined
    throw error
  }
}

const given = <Value>(name: string, option: string, value: Value | undefined): Value => {
  if (value !== undefined) return value
  throw new UsageError('wrong-usage', `job ${name} is new, and --${option} was not given`, {
    hint: 'a new job needs --task, --cron and --retain',
  })
}

const isEnabledNow = ({ enable, disable }: Options, present: Job | undefined): boolean =>
  enable ? true : disable ? false : (present?.isEnabled ?? true)

/** @throws UsageError. */
const bodyOf = (name: string, options: Options, present: Job | undefined) => ({
  task: given(name, 'task', options.task ?? present?.task),
  cron: given(name, 'cron', options.cron ?? present?.cron),
  retain: given(name, 'retain', options.retain ?? present?.retain),
  labels: options.label ? parseLabels(options.label) : options.labels ? present?.labels : {},
  groups: options.group ?? (options.groups ? present?.groups : []),
  isEnabled: isEnabledNow(options, present),
})

const put = async (session: Session, name: string, options: Options, isNew: boolean): Promise<Outcome> => {
  const client = await openApi(session, options)
  const present = await presentJob(client, name)
  if (isNew && present)
    throw new RequestError('exists', `there is a job ${name} already`, {
      hint: `change it with: drover job set ${name}`,
    })
  return jobOutcome(await client.jobs.put(name, bodyOf(name, options, present)))
}

const withFields = (command: Command): Command =>
  onService(command)
    .argument('<name>', 'name of the job')
    .addOption(new Option('--task <task>', 'what it makes').choices(['backup', 'snapshot']))
    .option('--cron <expression>', 'when: minute, hour, day, month, day of the week', parseNotEmpty)
    .option('--retain <count>', 'how many of its backups or snapshots a volume keeps', parseCount)
    .addOption(new Option('--label <key=value...>', 'labels of what it makes').conflicts('labels'))
    .addOption(new Option('--group <name...>', 'whose volumes take part').conflicts('groups'))
    .option('--disable', 'switch it off')

export const addJobChanges = (parent: Command, act: Act): void => {
  withFields(parent.command('create'))
    .description('make a job; refused when there is one of that name')
    .addHelpText('after', createExample)
    .action((name: string, options: Options) =>
      act((session) => put(session, name, { ...options, labels: true, groups: true }, true)),
    )
  withFields(parent.command('set'))
    .description('change a job, or make it')
    .option('--no-labels', 'take its labels away')
    .option('--no-groups', 'take it out of its groups')
    .addOption(new Option('--enable', 'switch it on').conflicts('disable'))
    .addHelpText('after', setExample)
    .action((name: string, options: Options) => act((session) => put(session, name, options, false)))
}

import type { Command } from 'commander'
import type { Job } from '../answers.ts'
import { onService, openApi, type ApiOptions } from '../open-api.ts'
import { firstOf, listed } from '../output/listed.ts'
import { jobColumns, jobOutcome, runOutcome, runsOutcome } from '../output/job-view.ts'
import { parseCount } from '../options.ts'
import type { Act } from '../session.ts'
import { issue } from '../wait-for.ts'
import { addJobChanges } from './job-set.ts'

const example = `
Examples:
  $ drover job create nightly --task backup --cron '0 2 * * *' --retain 14
  $ drover volume set web --job nightly
  $ drover job runs nightly`

const nameOf = ({ name }: Job): string => name

export const addJob = (parent: Command, act: Act): void => {
  const job = parent
    .command('job')
    .description('recurring jobs: when volumes are backed up, and what is kept')
    .addHelpText('after', example)
  onService(job.command('list'))
    .description('list the jobs; with --quiet only their names')
    .addHelpText('after', '\nExample:\n  $ drover job list')
    .action((options: ApiOptions) =>
      act(async (session) =>
        listed((await openApi(session, options)).jobs.list(), {
          columns: jobColumns,
          handle: nameOf,
          none: 'there are no jobs',
        }),
      ),
    )
  onService(job.command('show'))
    .description('show a job')
    .argument('<name>', 'name of the job')
    .addHelpText('after', '\nExample:\n  $ drover job show nightly')
    .action((name: string, options: ApiOptions) =>
      act(async (session) => jobOutcome(await (await openApi(session, options)).jobs.show(name))),
    )
  addJobChanges(job, act)
  onService(job.command('delete'))
    .description('delete a job; what it made stays')
    .argument('<name>', 'name of the job')
    .addHelpText('after', '\nExample:\n  $ drover job delete nightly')
    .action((name: string, options: ApiOptions) =>
      act(async (session) => {
        await (await openApi(session, options)).jobs.remove(name)
        return { json: { job: name }, text: `deleted job ${name}; what it made stays` }
      }),
    )
  onService(job.command('run'))
    .description('run a job now, besides its schedule; with --quiet print the ids of its operations')
    .argument('<name>', 'name of the job')
    .addHelpText('after', '\nExample:\n  $ drover job run nightly')
    .action((name: string, options: ApiOptions) =>
      act(async (session) => {
        const { jobs } = await openApi(session, options)
        return runOutcome(await issue(session, (asked) => jobs.run(name, asked)))
      }),
    )
  onService(job.command('runs'))
    .description('list the runs of a job, newest first, with what came of each volume')
    .argument('<name>', 'name of the job')
    .option('--limit <count>', 'at most so many', parseCount, 20)
    .addHelpText('after', '\nExample:\n  $ drover job runs nightly')
    .action((name: string, options: ApiOptions & { limit: number }) =>
      act(async (session) =>
        runsOutcome(
          await firstOf((await openApi(session, options)).jobs.runs(name, options), options.limit),
          name,
        ),
      ),
    )
}

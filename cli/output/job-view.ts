/**
 * @module job-view: recurring jobs and their runs as they are shown.
 */
import type { Job, Run } from '../answers.ts'
import { fieldsText, tableText, type Column } from './tables.ts'
import type { Outcome } from './terminal.ts'

const orNothing = (text: string): string | undefined => (text === '' ? undefined : text)
const stateText = ({ isEnabled }: Job): string => (isEnabled ? 'on' : 'off')
const groupsText = ({ groups }: Job): string | undefined => orNothing(groups.join(', '))

export const jobColumns: Column<Job>[] = [
  { title: 'JOB', value: ({ name }) => name },
  { title: 'TASK', value: ({ task }) => task },
  { title: 'CRON (UTC)', value: ({ cron }) => cron },
  { title: 'RETAIN', value: ({ retain }) => String(retain), isRight: true },
  { title: 'GROUPS', value: groupsText },
  { title: 'STATE', value: stateText },
]

export const jobOutcome = (job: Job): Outcome => ({
  json: job,
  text: fieldsText({
    job: job.name,
    task: job.task,
    cron: `${job.cron} (UTC)`,
    retain: String(job.retain),
    groups: groupsText(job),
    labels: orNothing(
      Object.entries(job.labels)
        .map((label) => label.join('='))
        .join(', '),
    ),
    state: stateText(job),
  }),
  handles: [job.name],
})

interface Row {
  minute: string
  volume?: string | undefined
  outcome: string
  remark?: string | undefined
}

const outcomeNames: Record<Run['outcomes'][number]['outcome'], string> = {
  operation: 'under way',
  made: 'made',
  'nothing-new': 'nothing new',
  failed: 'FAILED',
  cancelled: 'cancelled',
  skipped: 'skipped',
}

const rowsOf = ({ minute, outcomes, omitted, endedAt }: Run): Row[] => {
  if (outcomes.length === 0)
    return [{ minute, outcome: endedAt === null ? 'under way' : 'no volume takes part' }]
  const rows = outcomes.map(({ cluster, volume, outcome, operationId, reason }) => ({
    minute,
    volume: `${cluster}/${volume}`,
    outcome: outcomeNames[outcome],
    remark: reason ?? operationId ?? undefined,
  }))
  if (omitted === 0) return rows
  return [...rows, { minute, outcome: `${omitted} more volumes`, remark: 'see: drover operation list' }]
}

const columns: Column<Row>[] = [
  { title: 'MINUTE', value: ({ minute }) => minute },
  { title: 'VOLUME', value: ({ volume }) => volume },
  { title: 'OUTCOME', value: ({ outcome }) => outcome },
  { title: 'OPERATION OR REASON', value: ({ remark }) => remark },
]

const operationsOf = ({ outcomes }: Run): string[] =>
  outcomes.flatMap(({ operationId }) => (operationId === null ? [] : [operationId]))

export const runOutcome = (run: Run): Outcome => ({
  json: run,
  text: tableText(rowsOf(run), columns),
  handles: operationsOf(run),
})

/** A line for each volume of each run. */
export const runsOutcome = (items: readonly Run[], job: string): Outcome => ({
  json: { items },
  text: items.length === 0 ? `job ${job} has not run yet` : tableText(items.flatMap(rowsOf), columns),
  handles: items.map(({ minute }) => minute),
})

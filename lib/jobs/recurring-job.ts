/**
 * @module recurring-job: a schedule with a task, a retention and labels, and which volumes take part: by name, or by group.
 *
 * Source: longhorn.md 6.2 and 6.3.
 */
import * as z from 'zod'
import { parseCron } from '#lib/schedule/cron-expression.ts'
import { ScheduleError } from '#lib/schedule/schedule-error.ts'

/** Longhorn's `recurring-job-max-retention`, its default. */
export const mostRetained = 100

/** Volumes that name no job and no group are in it. */
export const defaultGroup = 'default'

const jobName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9.-]{0,38}[a-z0-9])?$/, 'has lower case letters, digits, "-" and ".", at most 40')
const groupName = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,62}$/, 'has letters, digits, "_", "-" and "."')

const cron = z.string().superRefine((text, context) => {
  try {
    parseCron(text)
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error
    context.addIssue({ code: 'custom', message: `${error.message}; ${error.hint ?? ''}` })
  }
})

export const RecurringJob = z.strictObject({
  name: jobName,
  task: z.enum(['snapshot', 'backup']),
  /** Five fields, UTC. */
  cron,
  /** How many backups, or snapshots, of this job a volume keeps. */
  retain: z.int().min(1).max(mostRetained),
  labels: z.record(z.string(), z.string()),
  groups: z.array(groupName),
  isEnabled: z.boolean(),
})
export type RecurringJob = z.infer<typeof RecurringJob>

/** On each snapshot and backup that a job makes: tells whose they are. */
export const jobLabel = 'RecurringJob'

export const labelsOf = ({ name, labels }: RecurringJob): Record<string, string> => ({
  ...labels,
  [jobLabel]: name,
})

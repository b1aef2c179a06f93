/**
 * @module taking-part: which volumes a job is for. Pure. Source: longhorn.md 6.3.
 */
import { defaultGroup, type RecurringJob } from './recurring-job.ts'

export interface JobMembership {
  /** By name. */
  jobs: readonly string[]
  groups: readonly string[]
}

/** The groups that a volume is in: `default` while it names nothing. */
const effectiveGroups = ({ jobs, groups }: JobMembership): readonly string[] =>
  jobs.length === 0 && groups.length === 0 ? [defaultGroup] : groups

export const takesPart = (job: Pick<RecurringJob, 'name' | 'groups'>, volume: JobMembership): boolean =>
  volume.jobs.includes(job.name) || effectiveGroups(volume).some((group) => job.groups.includes(group))

/**
 * @module lone-groups: groups that a volume is put into and no job has. They may come first, and may as well be mistyped.
 */
import type { ApiClient } from '#lib/api/client.ts'
import { gathered } from '#lib/base/gathered.ts'
import type { Session } from './session.ts'

export const warnOfLoneGroups = async (
  { log }: Pick<Session, 'log'>,
  { jobs }: Pick<ApiClient, 'jobs'>,
  groups: readonly string[] = [],
): Promise<void> => {
  if (groups.length === 0) return
  const known = new Set((await gathered(jobs.list())).flatMap((job) => job.groups))
  const lone = groups.filter((group) => !known.has(group))
  if (lone.length > 0)
    log.warn(
      `no job has the group ${lone.join(', ')}: nothing is done for it until one has; see drover job list`,
    )
}

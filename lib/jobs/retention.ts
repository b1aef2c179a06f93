/**
 * @module retention: what a job need not keep any more. Pure. Source: longhorn.md 6.4, steps 4 and 5.
 */
import { jobLabel } from './recurring-job.ts'

export interface Retained {
  name: string
  /** RFC 3339. */
  createdAt: string
  labels: Readonly<Record<string, string>>
}

const newestFirst = (a: Retained, b: Retained): number =>
  Date.parse(b.createdAt) - Date.parse(a.createdAt) || (a.name < b.name ? 1 : -1)

/** All of this job's but the newest `retain`. What users or other jobs made is never counted, and never in it. */
export const beyondRetention = <Item extends Retained>(
  items: readonly Item[],
  { job, retain }: { job: string; retain: number },
): Item[] =>
  items
    .filter(({ labels }) => labels[jobLabel] === job)
    .toSorted(newestFirst)
    .slice(retain)

/**
 * @module kept-outcomes: what a run's row has room for: a job may have more volumes than that.
 */
import type * as z from 'zod'
import type { Run, RunOutcome } from '#lib/catalog/entities.ts'
import { maxItemBytes } from '#lib/catalog/item-store.ts'

type Outcome = z.infer<typeof RunOutcome>

/** Job, times and field names beside them. */
const roomBytes = maxItemBytes - 20_000
const longestReason = 500

/** What became of an operation can be had from it; nothing else tells why there is none. */
const byUrgency = (a: Outcome, b: Outcome): number =>
  Number(a.operationId !== null) - Number(b.operationId !== null)

const short = (outcome: Outcome): Outcome => ({
  ...outcome,
  reason: outcome.reason?.slice(0, longestReason) ?? null,
})

/** Those without an operation first. */
export const keptOutcomes = (all: readonly Outcome[]): Pick<Run, 'outcomes' | 'omitted'> => {
  const outcomes: Outcome[] = []
  let leftBytes = roomBytes
  for (const outcome of all.map(short).toSorted(byUrgency)) {
    leftBytes -= Buffer.byteLength(JSON.stringify(outcome)) + 1
    if (leftBytes < 0) break
    outcomes.push(outcome)
  }
  return { outcomes, omitted: all.length - outcomes.length }
}

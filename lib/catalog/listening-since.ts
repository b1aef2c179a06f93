/**
 * @module listening-since: since when nodes could be heard without a break. A service that was stopped, and a machine that slept, heard
 * nobody meanwhile, which says nothing of the nodes.
 */
import type { Clock } from '#lib/base/clock.ts'

/** Reconcile asks each minute. */
const longestBreakMs = 5 * 60_000

export const listeningSince = ({ now }: Pick<Clock, 'now'>): (() => Date) => {
  let since = now()
  let last = since
  return () => {
    const at = now()
    if (at.getTime() - last.getTime() > longestBreakMs) since = at
    last = at
    return since
  }
}

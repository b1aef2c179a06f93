/**
 * @module listening-since: since when nodes could be heard without a break. A service that was stopped, and a machine that slept, heard
 * nobody meanwhile, which says nothing of the nodes.
 *
 * Kept in the catalog: processes that are started anew every so often, as functions are, go on where the last one was. Asked only while
 * operations are under way, it is written only then; what began after a break is no older than what is kept.
 */
import type { Clock } from '#lib/base/clock.ts'
import { catalogKeys } from './catalog-keys.ts'
import type { Catalog } from './catalog.ts'

export interface ListeningSinceDeps {
  catalog: Pick<Catalog, 'listening'>
  clock: Pick<Clock, 'now'>
}

/** Reconcile asks each minute; each write is paid for. */
const writeEveryMs = 2 * 60_000
const longestBreakMs = 5 * 60_000

export const listeningSince =
  ({ catalog, clock }: ListeningSinceDeps) =>
  async (): Promise<Date> => {
    const now = clock.now()
    const at = now.toISOString()
    const row = await catalog.listening.change(catalogKeys.listening(), (there) => {
      const agoMs = there ? now.getTime() - Date.parse(there.at) : Number.POSITIVE_INFINITY
      if (!there || agoMs > longestBreakMs) return { since: at, at }
      return agoMs >= writeEveryMs ? { ...there, at } : undefined
    })
    return row ? new Date(row.since) : now
  }

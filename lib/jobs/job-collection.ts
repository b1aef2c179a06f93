/**
 * @module job-collection: the recurring jobs in the catalog.
 */
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { collection, type Collection } from '#lib/catalog/collection.ts'
import type { ItemStore } from '#lib/catalog/item-store.ts'
import { RecurringJob } from './recurring-job.ts'

export type JobCollection = Collection<RecurringJob>

export const jobCollection = (store: ItemStore): JobCollection =>
  collection(store, {
    what: 'recurring job',
    schema: RecurringJob,
    keyOf: ({ name }) => catalogKeys.job(name),
  })

/** @module catalog-on-dynamodb: the catalog and the jobs in it, in the stack's table. */
import { catalog as catalogOver } from '#lib/catalog/catalog.ts'
import { dynamodbClient } from '#lib/catalog/dynamodb-client.ts'
import { dynamodbItemStore } from '#lib/catalog/dynamodb-item-store.ts'
import { jobCollection } from '#lib/jobs/job-collection.ts'
import { clock } from './invocation.ts'
import { setting } from './settings.ts'

const items = dynamodbItemStore({ client: dynamodbClient(), clock }, { table: setting('DROVER_TABLE') })

export const catalog = catalogOver(items)
export const jobs = jobCollection(items)

/** @module index-backup: woken by the objects of backupstores, and by who asks for a look at all of a target: reconcile and the API. */
import { indexBackupHandler } from '../index-backup.ts'
import { catalog } from './catalog-on-dynamodb.ts'
import { clock, invoked, log } from './invocation.ts'
import { openTarget } from './targets.ts'

const index = indexBackupHandler({ catalog, openTarget, clock, log })

export const handler = invoked((event) => index(event))

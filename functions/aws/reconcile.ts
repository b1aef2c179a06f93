/** @module reconcile: woken each minute. */
import { askForLook } from '#lib/backup-index/eventbridge-looks.ts'
import { listeningSince } from '#lib/catalog/listening-since.ts'
import { reconcileVolumes } from '#lib/catalog/reconcile-volumes.ts'
import { overdueVolumes } from '#lib/jobs/overdue-volumes.ts'
import { syncRules } from '#lib/jobs/sync-rules.ts'
import { looksDue } from '../looks-due.ts'
import { reconcileHandler } from '../reconcile.ts'
import { catalog, jobs } from './catalog-on-dynamodb.ts'
import { clock, invoked, log } from './invocation.ts'
import { queueOf } from './queues-on-sqs.ts'
import { client, rules } from './rules-on-eventbridge.ts'
import { setting } from './settings.ts'
import { tellOverdue } from './tell-overdue.ts'

const stack = setting('DROVER_STACK')

const reconcile = reconcileHandler({
  catalog,
  jobs,
  queueOf,
  // What ends here has failed, and changed no backup: no target is reached.
  onBackupChanged: async () => {},
  checks: [
    syncRules({ jobs, rules }),
    reconcileVolumes({ catalog, clock, log }),
    looksDue({ catalog, askForLook: askForLook({ client }, { stack }), clock }),
    tellOverdue(stack, {
      findOverdue: overdueVolumes({ catalog, jobs, clock }),
      clock,
      log,
      print: (line) => process.stdout.write(line),
    }),
  ],
  listeningSince: listeningSince({ catalog, clock }),
  clock,
  log,
})

export const handler = invoked((event) => reconcile(event))

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
import { putMetric } from './metrics.ts'
import { queueOf } from './queues-on-sqs.ts'
import { client, rules } from './rules-on-eventbridge.ts'
import { setting } from './settings.ts'

const stack = setting('DROVER_STACK')
const overdueEveryMinutes = 15

const findOverdue = overdueVolumes({ catalog, jobs, clock })

/** Looks at each volume's operations: not each minute. */
const tellOverdue = async (): Promise<void> => {
  if (clock.now().getUTCMinutes() % overdueEveryMinutes !== 0) return
  const overdue = await findOverdue()
  for (const each of overdue) log.warn('backup overdue', { ...each })
  putMetric(stack, 'OverdueVolumes', overdue.length)
}

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
    tellOverdue,
  ],
  listeningSince: listeningSince(clock),
  clock,
  log,
})

export const handler = invoked((event) => reconcile(event))

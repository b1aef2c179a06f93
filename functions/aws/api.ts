/** @module api: woken by each HTTP request; and by who may invoke it, for a first token. */
import type { LambdaEvent } from 'hono/aws-lambda'
import { askForLook } from '#lib/backup-index/eventbridge-looks.ts'
import { randomIds } from '#lib/base/ids.ts'
import { settingDefaultsWithEvents } from '#lib/catalog/settings.ts'
import { apiHandler } from '../api.ts'
import { indexBackup } from '../index-backup.ts'
import { catalog, jobs } from './catalog-on-dynamodb.ts'
import { clock, invoked, log } from './invocation.ts'
import { makeQueue, queueAccess, removeQueue } from './node-queues-on-sqs.ts'
import { queueOf, reportQueue } from './queues-on-sqs.ts'
import { client, rules } from './rules-on-eventbridge.ts'
import { setting } from './settings.ts'
import { credentialsOf, openTarget, secrets, vend } from './targets.ts'
import { isTokenRequest, tokenRequestHandler } from './token-request.ts'

const ask = askForLook({ client }, { stack: setting('DROVER_STACK') })

const serve = apiHandler({
  catalog,
  jobs,
  rules,
  queueOf,
  makeQueue,
  queueAccess,
  removeQueue,
  reports: reportQueue(),
  secrets,
  openTarget,
  vend,
  credentialsOf,
  // API Gateway waits for 29 s.
  askForLook: (target) => ask(target, { byHand: true }),
  onObjectEvent: indexBackup({ catalog, openTarget, clock, log }),
  settingDefaults: settingDefaultsWithEvents,
  clock,
  ids: randomIds,
  log,
})
const createToken = tokenRequestHandler({ catalog, clock, log })

export const handler = invoked<unknown>((event, _, context) =>
  isTokenRequest(event)
    ? createToken(event)
    : // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as API Gateway calls it
      serve(event as LambdaEvent, context),
)

/**
 * @module operation-request-scenarios: operations that people ask the API for, or want no longer: repeated by the same key.
 */
import { randomUUID } from 'node:crypto'
import { request } from './requested.ts'
import { heard, type Scenario } from './scenarios.ts'
import {
  addBackup,
  addOperation,
  cluster,
  job,
  newerBackup,
  newerBackupParameters,
  target,
} from './small-estate.ts'

const backingUp = request(
  'backing up a volume',
  [/^row operation TIME_create-backup/m, /^command .*create-backup/m],
  async ({ aws: { client } }) => {
    const asked = { idempotencyKey: randomUUID() }
    return () => client.volumes.backUp(cluster, 'web', {}, asked)
  },
)

const restoring = request(
  'restoring a backup',
  [/^row volume primary#restored .*restoring/m, /^command .*restore-backup/m],
  async (estate) => {
    await addBackup(estate.world, { target })
    await heard(estate)
    const body = { target, backupVolume: 'web', backup: newerBackup, cluster, volume: 'restored' }
    const asked = { idempotencyKey: randomUUID() }
    return () => estate.aws.client.backups.restore(body, asked)
  },
)

const runningJob = request(
  'running a job now',
  [/^row run#hourly .*_primary_db.*_primary_web/m, /^command .*hourly_primary_web/m],
  async ({ aws: { client } }) => {
    const asked = { idempotencyKey: randomUUID() }
    return () => client.jobs.run(job, asked)
  },
)

const cancelling = request(
  'cancelling an operation',
  [/^row operation RUN .*"isCancelRequested":true/m, /^command .*"cancel"/m],
  async ({ aws: { client }, world }) => {
    const { id } = await addOperation(world, 'create-backup', newerBackupParameters, {
      state: 'running',
      heardAt: new Date().toISOString(),
    })
    return () => client.operations.cancel(id)
  },
)

export const operationRequestScenarios: readonly Scenario[] = [backingUp, restoring, runningJob, cancelling]

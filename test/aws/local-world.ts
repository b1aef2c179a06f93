/**
 * @module local-world: what a local stack holds, looked at and changed behind the functions: what is kept at one moment is there again
 * after a reset; and the end of a run as a text that is the same for all runs that come to the same end.
 */
import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { SQSClient } from '@aws-sdk/client-sqs'
import { systemClock } from '#lib/base/clock.ts'
import { parsedJson } from '#lib/base/parsed-json.ts'
import { catalog as catalogOver, type Catalog } from '#lib/catalog/catalog.ts'
import { dynamodbClient } from '#lib/catalog/dynamodb-client.ts'
import { dynamodbItemStore } from '#lib/catalog/dynamodb-item-store.ts'
import { jobCollection, type JobCollection } from '#lib/jobs/job-collection.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { sqsClient } from '#lib/operation/sqs-client.ts'
import { openTarget } from '#lib/target/open-target.ts'
import { parseTargetUrl } from '#lib/target/target-url.ts'
import type { LocalAws, queueNames } from './local-aws.ts'
import { objectsOf, queuesOf, rulesOf, secretsOf, table, tableOf, type Row } from './local-servers.ts'

export interface LocalWorld {
  catalog: Catalog
  jobs: JobCollection
  /** The bucket, by its owner. */
  store: ObjectStore
  sqs: SQSClient
  queueUrl(what: keyof typeof queueNames): string
  nodeQueueUrl(node: string): string
  /** Takes what is in the queue of a node: commands, as they were sent. */
  takeCommands(node: string): Promise<string[]>
  /** What is here now is here again after each reset. */
  keep(): Promise<void>
  reset(): Promise<void>
  /** Nothing is left in the queues of reports and of the worker. */
  quiet(): Promise<void>
  /** Times, random names and counts of tries are left out. */
  ended(): Promise<string[]>
}

/** Lists here are sets: what is done at once comes in any order. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted).toSorted((a, b) => textOf(a).localeCompare(textOf(b)))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, each]): [string, unknown] => [key, sorted(each)])
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
const textOf = (value: unknown): string => JSON.stringify(sorted(value))

/** What two runs that come to the same end may differ in. */
const plainOf = (text: string): string =>
  text
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/\d{8}T\d{6}Z_/g, 'TIME_')
    .replaceAll(/\b[0-9a-f]{64}\b/g, 'HASH')
    .replaceAll(/(?<=[-_])[0-9a-f]{16}\b/g, 'NAME')
    .replaceAll(/\brun-\d+/g, 'RUN')
    .replaceAll(/"(attempt|sequence|deletedBlocks|deletedBytes)":\d+/g, '"$1":0')

/** A command that is sent again is another try of the same. */
const isDistinct = (text: string, at: number, all: readonly string[]): boolean => all.indexOf(text) === at

export const localWorld = (aws: LocalAws): LocalWorld => {
  const { dynamodb, elasticmq, moto, minio } = aws.oracles
  const [database, sqs] = [dynamodbClient(dynamodb.settings), sqsClient(elasticmq.settings)]
  const items = dynamodbItemStore({ client: database, clock: systemClock }, { table })
  const store = openTarget(parseTargetUrl(`s3://${aws.bucket}@us-east-1/`), {
    env: {
      AWS_ACCESS_KEY_ID: minio.accessKey,
      AWS_SECRET_ACCESS_KEY: minio.secretKey,
      AWS_ENDPOINTS: minio.endpoint,
    },
  })
  const [rows, objects] = [tableOf(database), objectsOf(store)]
  const rules = rulesOf(new EventBridgeClient(moto.clientSettings))
  const secrets = secretsOf(new SecretsManagerClient(moto.clientSettings))
  const queues = queuesOf(sqs, elasticmq.baseUrl)
  let kept: { rows: Row[]; objects: Map<string, Buffer>; rules: Set<string>; queues: Set<string> } | undefined
  return {
    catalog: catalogOver(items),
    jobs: jobCollection(items),
    store,
    sqs,
    queueUrl: queues.queueUrl,
    nodeQueueUrl: queues.nodeQueueUrl,
    takeCommands: queues.takeCommands,
    quiet: queues.quiet,
    keep: async () => {
      kept = {
        rows: await rows.rows(),
        objects: await objects.read(),
        rules: new Set((await rules.list()).map(({ Name = '' }) => Name)),
        queues: new Set(await queues.list()),
      }
    },
    reset: async () => {
      if (!kept) throw new Error('nothing was kept')
      await Promise.all([
        rows.reset(kept.rows),
        objects.reset(kept.objects),
        rules.reset(kept.rules),
        queues.reset(kept.queues),
        secrets.reset(),
      ])
    },
    ended: async () => {
      const told = [
        ...(await rows.rows()).map(
          ({ pk, sk, value }) =>
            `row ${pk?.S} ${decodeURIComponent(sk?.S ?? '')} ${textOf(parsedJson(value?.S ?? ''))}`,
        ),
        ...(await objects.keys()).map((key) => `object ${key}`),
        ...(await rules.list()).map((rule) => `rule ${textOf(rule)}`),
        ...(await secrets.list()).map((secret) => `secret ${textOf(secret)}`),
      ].map(plainOf)
      const names = await queues.list()
      const commands = (await Promise.all(names.map((name) => queues.takeFrom(name)))).flat()
      return [
        ...told,
        ...names.map((name) => `queue ${name}`),
        ...commands.map((command) => `command ${plainOf(textOf(parsedJson(command)))}`).filter(isDistinct),
      ].toSorted()
    },
  }
}

/**
 * @module request-scenarios: what people ask the API to change, each until it is done: a client that gets no answer asks again.
 */
import { randomUUID } from 'node:crypto'
import { RequestError, requests } from '#lib/api/requests.ts'
import { MiB } from '#lib/base/sizes.ts'
import { heard, passQuarter, type Scenario } from './scenarios.ts'
import { cluster, joined, target, type Estate } from './small-estate.ts'

const tries = 3

/** As clients do: once more, where there was no answer of Drover's. */
const untilAnswered = async (work: () => Promise<unknown>): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      await work()
      return
    } catch (error) {
      const isNoAnswer = error instanceof RequestError && (error.status ?? 500) >= 500
      if (isNoAnswer && attempt < tries) continue
      throw error
    }
  }
}

const request = (
  name: string,
  leaves: readonly RegExp[],
  work: (estate: Estate) => Promise<() => Promise<unknown>>,
): Scenario => ({
  name,
  leaves,
  of: 'api',
  arrange: async (estate) => {
    const ask = await work(estate)
    return async () => {
      await untilAnswered(ask)
      // A command that was lost on the way is sent again.
      await passQuarter(estate)
      await estate.aws.reconcile()
    }
  },
})

/** What is told of what was done before, by a request or a call whose answer was lost. */
const unless = (codes: readonly string[]) => (error: unknown) => {
  if (!(error instanceof RequestError) || !codes.includes(error.code)) throw error
}

const joining = request(
  'joining a node',
  [/^row node node-2/m, /^row token HASH .*node node-2/m, /^queue drover-node-node-2/m],
  async ({ aws }) => {
    const { client, url } = aws
    const { token } = await client.nodes.newJoinToken({ cluster })
    const join = () => requests({ url, token })('POST', '/v1/nodes/join', { body: { node: 'node-2' } })
    return () =>
      join().catch(async (error: unknown) => {
        // The token is used up: what is left of the node goes, and another token makes it again.
        unless(['unauthenticated', 'forbidden', 'exists'])(error)
        await client.nodes.remove('node-2').catch(unless(['not-found']))
        await joined(aws, 'node-2')
      })
  },
)

const removing = request('removing a node', [/^row node node-1/m], async ({ aws }) => {
  await joined(aws, 'node-2')
  return () => aws.client.nodes.remove('node-2').catch(unless(['not-found']))
})

const nightly = { task: 'backup' as const, cron: '30 2 * * *', retain: 7, groups: ['default'] }

const puttingJob = request(
  'putting a job',
  [/^row job nightly/m, /^rule .*drover-job-nightly/m],
  async ({ aws: { client } }) =>
    () =>
      client.jobs.put('nightly', nightly),
)

const removingJob = request('removing a job', [/^rule .*drover-job-hourly/m], async ({ aws: { client } }) => {
  await client.jobs.put('nightly', nightly)
  return () => client.jobs.remove('nightly').catch(unless(['not-found']))
})

const puttingSecret = request(
  'putting a secret',
  [/^secret .*secret of test/m],
  async ({ aws: { client } }) =>
    () =>
      client.secrets.put('minio', { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret of test' }),
)

const addingTarget = request(
  'adding a target',
  [/^row target second/m],
  async ({ aws: { client, bucket } }) =>
    () => {
      const body = { name: 'second', url: `s3://${bucket}@us-east-1/second/`, credential: null }
      return client.targets.create(body).catch(unless(['exists']))
    },
)

const makingVolume = request(
  'making a volume',
  [/^row volume primary#new/m, /^command .*create-volume/m],
  async (estate) => {
    const { client } = estate.aws
    await heard(estate)
    const asked = { idempotencyKey: randomUUID() }
    return () => client.volumes.create({ cluster, name: 'new', sizeBytes: MiB, target }, asked)
  },
)

const attaching = request(
  'attaching a volume',
  [/^command .*attach-volume/m],
  async ({ aws: { client } }) => {
    const asked = { idempotencyKey: randomUUID() }
    return () => client.volumes.attach(cluster, 'web', {}, asked)
  },
)

export const requestScenarios: readonly Scenario[] = [
  joining,
  removing,
  puttingJob,
  removingJob,
  puttingSecret,
  addingTarget,
  makingVolume,
  attaching,
]

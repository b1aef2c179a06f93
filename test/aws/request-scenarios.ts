/**
 * @module request-scenarios: what people ask the API to set up, each until it is done.
 */
import { randomUUID } from 'node:crypto'
import { requests } from '#lib/api/requests.ts'
import { NewTokenView } from '#lib/api/views.ts'
import { MiB } from '#lib/base/sizes.ts'
import { nothingMore, request, unless, untilAnswered } from './requested.ts'
import { heard, type Scenario } from './scenarios.ts'
import { addBackup, addTarget, cluster, joined, target } from './small-estate.ts'

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

const removingSecret = request(
  'removing a secret',
  [/^(?![^]*\nsecret )/],
  async ({ aws: { client } }) => {
    await client.secrets.put('minio', { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret of test' })
    return () => client.secrets.remove('minio').catch(unless(['not-found']))
  },
  nothingMore,
)

const removingTarget = request(
  'removing a target',
  [/^(?![^]*second)/],
  async ({ aws: { client }, world }) => {
    await addTarget(world, 'second')
    await addBackup(world, { target: 'second' })
    return () => client.targets.remove('second').catch(unless(['not-found']))
  },
  nothingMore,
)

/** A second one is made by who invokes again; what nobody was told is removed, as token-request.ts has it. */
const firstToken: Scenario = {
  name: 'making the first token',
  of: 'api',
  leaves: [/^row token HASH .*"name":"ada"/m],
  arrange: async ({ aws: { functions, client } }) => {
    const event = { createToken: { name: 'ada', role: 'admin' } }
    return async () => {
      const made = await functions.api.invoke(event).catch(() => functions.api.invoke(event))
      const { id } = NewTokenView.parse(made)
      await untilAnswered(async () => {
        for await (const { id: other, name } of client.tokens.list())
          if (name === 'ada' && other !== id) await client.tokens.remove(other).catch(unless(['not-found']))
      })
    }
  },
}

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
export const furtherRequestScenarios: readonly Scenario[] = [removingSecret, removingTarget, firstToken]

/**
 * The packaged functions as on AWS: the main job (job → rule → tick → command → agent → bucket → object event → catalog → restore),
 * then whatever else they do; and at the end every call that was made, against the role of who made it.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { DeleteObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { clientCalls } from '#lib/api/client-calls.ts'
import { JoinAnswer, QueueAnswer } from '#lib/api/node-messages.ts'
import { requests } from '#lib/api/requests.ts'
import type { OperationView } from '#lib/api/views.ts'
import { systemClock } from '#lib/base/clock.ts'
import { gathered } from '#lib/base/gathered.ts'
import { silentLog } from '#lib/base/log.ts'
import { MiB } from '#lib/base/sizes.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { s3Client } from '#lib/object-store/s3-client.ts'
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import { sqsClient } from '#lib/operation/sqs-client.ts'
import { sqsQueue } from '#lib/operation/sqs-queue.ts'
import { noPools } from '#test/pool-file-system.ts'
import { queuedOperation } from '#test/queued-operation.ts'
import { storedVolume } from '#test/stored-volume.ts'
import { isAllowed, isTrusted, type IamRequest } from '#test/template/iam-verdicts.ts'
import { statementsOf } from '#test/template/policy-faults.ts'
import { distinct, iamRequestsOf } from './iam-requests.ts'
import { functionNames, startLocalAws, type LocalAws, type SeenCall } from './local-aws.ts'
import { startLocalNode, type LocalNode } from './local-nodes.ts'
import { localWorld, type LocalWorld } from './local-world.ts'
import { allowedTo, nodeQueuesIn, queueSessionsIn, takesIn } from './queue-sessions.ts'
import { until } from './until.ts'

const reason = noPools()
if (reason) console.log(`skipped: the packaged functions: ${reason}`)

const hourMs = 3600_000
const seedsActions = ['s3:DeleteObject', 's3:GetObject', 's3:ListBucket', 's3:PutObject']

describe.skipIf(reason !== undefined)('the packaged functions', () => {
  let top: string
  let aws: LocalAws
  let world: LocalWorld
  const nodes: LocalNode[] = []

  beforeAll(async () => {
    top = await mkdtemp(join(tmpdir(), 'drover-aws-'))
    aws = await startLocalAws()
    world = localWorld(aws)
    process.env['AWS_ENDPOINT_URL_S3'] = aws.s3Url
    for (const cluster of ['primary', 'standby']) nodes.push(await startLocalNode(aws, { cluster, top }))
  })
  afterAll(async () => {
    for (const node of nodes) await node.stop()
    await aws?.stop()
    await rm(top, { recursive: true, force: true })
  })

  const done = async (asked: Promise<OperationView>): Promise<OperationView> => {
    const { id } = await asked
    const ended = await until(`the end of ${id}`, async () => {
      const operation = await aws.client.operations.show(id)
      return operation.endedAt === null ? undefined : operation
    })
    expect(ended).toMatchObject({ state: 'succeeded', failure: null })
    return ended
  }
  const write = async (path: string | null, bytes: Uint8Array, at: number) => {
    await using file = await open(path ?? '', 'r+')
    await file.write(bytes, 0, bytes.length, at)
    await file.sync()
  }
  const makeVolume = async (name: string, target: string): Promise<string> => {
    await done(aws.client.volumes.create({ cluster: 'primary', name, sizeBytes: 16 * MiB, target }))
    await done(aws.client.volumes.attach('primary', name))
    return (await aws.client.volumes.show('primary', name)).path ?? ''
  }
  const backupsIn = async (target: string, volume: string) =>
    (await gathered(aws.client.backups.list(target, volume))).map(({ name }) => name)
  /** The operations of the runs of a minute have ended. */
  const tickAndWait = async (minute: Date): Promise<void> => {
    await aws.tick(minute)
    const outcomes = await until('the run', async () => {
      const runs = await gathered(aws.client.jobs.runs('hourly'))
      const run = runs.find((each) => each.minute === minute.toISOString())
      return run?.endedAt === null ? undefined : run?.outcomes
    })
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(outcomes.map(() => 'operation'))
    for (const { operationId } of outcomes) await done(aws.client.operations.show(operationId ?? ''))
  }

  it('run the main job, and its backup is restored in another cluster', async () => {
    const { client, bucket, minio } = aws
    await aws.reconcile()
    await client.secrets.put('minio', {
      AWS_ACCESS_KEY_ID: minio.accessKey,
      AWS_SECRET_ACCESS_KEY: minio.secretKey,
      AWS_ENDPOINTS: minio.endpoint,
    })
    await client.targets.create({ name: 's3', url: `s3://${bucket}@us-east-1/`, credential: null })
    await client.targets.create({
      name: 'minio',
      url: `s3://${bucket}@us-east-1/other/`,
      credential: 'minio',
    })
    await client.jobs.put('hourly', { task: 'backup', cron: '0 * * * *', retain: 1, groups: ['default'] })
    const web = await makeVolume('web', 's3')
    const db = await makeVolume('db', 'minio')
    let content = Buffer.alloc(0)
    for (const hour of [1, 2, 3]) {
      for (const path of [web, db]) await write(path, randomBytes(3 * MiB), hour * MiB)
      await tickAndWait(new Date(`2026-11-23T0${hour}:00:00Z`))
      content = await readFile(web)
    }
    for (const target of ['s3', 'minio'])
      await until('retention', async () =>
        (await backupsIn(target, target === 's3' ? 'web' : 'db')).length === 1 ? true : undefined,
      )
    const [backup = ''] = await backupsIn('s3', 'web')
    const restore = { target: 's3', backupVolume: 'web', backup, cluster: 'standby', volume: 'copy' }
    await done(client.backups.restore(restore))
    const { stdout } = await promisify(execFile)('find', [
      nodes[1]?.pool ?? '',
      '-path',
      '*copy*',
      '-name',
      'volume.img',
    ])
    const [image = ''] = stdout.trim().split('\n')
    expect((await readFile(image)).equals(content)).toBe(true)
  })

  it('verify as long as it takes, over as many runs as it takes', async () => {
    const [backup = ''] = await backupsIn('s3', 'web')
    let reads = 0
    aws.onCall = async ({ service, operation, input }, of) => {
      const isBlock = service === 's3' && operation === 'GetObject' && String(input['Key']).endsWith('.blk')
      if (isBlock && of === 'perform-operation') reads++
      // The first run's time is over at its second block.
      if (isBlock && reads === 2) await systemClock.sleep(1500)
      return undefined
    }
    const before = aws.functions['perform-operation'].timeoutMs
    aws.functions['perform-operation'].timeoutMs = 31_000
    const verified = await done(aws.client.backups.verify('s3', 'web', backup))
    aws.functions['perform-operation'].timeoutMs = before
    aws.onCall = undefined
    expect(verified.result).toMatchObject({ badBlocks: 0 })
    const again = aws.calls.filter(
      ({ of, operation, input }) =>
        of === 'perform-operation' &&
        operation === 'SendMessage' &&
        String(input['QueueUrl']).includes('worker'),
    )
    expect(again.length).toBeGreaterThan(0)
  })

  it('delete and collect in the cloud, and notice what others delete', async () => {
    const { client, bucket, minio } = aws
    for (const target of ['s3', 'minio']) {
      const volume = target === 's3' ? 'web' : 'db'
      await done(client.volumes.backUp('primary', volume, {}))
      const names = await until('two', async () => {
        const found = await backupsIn(target, volume)
        return found.length === 2 ? found : undefined
      })
      await done(client.backups.remove(target, volume, names[0] ?? ''))
      await done(client.backups.collect(target, volume))
      expect(await backupsIn(target, volume)).toHaveLength(1)
    }
    aws.isToldByS3 = true
    const [name = ''] = await backupsIn('minio', 'db')
    const store = s3Client({
      region: 'us-east-1',
      endpoint: minio.endpoint,
      credentials: { accessKeyId: minio.accessKey, secretAccessKey: minio.secretKey },
    })
    const key = `other/${volumeKeys('db').backupConfig(name)}`
    await store.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))
    store.destroy()
    await until('the index', async () => ((await backupsIn('minio', 'db')).length === 0 ? true : undefined))
    aws.isToldByS3 = false
  })

  it('take volumes, settings, secrets, jobs and nodes back', async () => {
    const { client, url } = aws
    await client.clusters.create({ name: 'edge' })
    const { token } = await client.nodes.newJoinToken({ cluster: 'edge' })
    const asJoining = clientCalls(requests({ url, token }))
    const joined = await asJoining.ask(JoinAnswer, 'POST', '/v1/nodes/join', { body: { node: 'edge-1' } })
    const asNode = clientCalls(requests({ url, token: joined.token }))
    await asNode.ask(z.undefined(), 'POST', '/v1/node/heartbeat', { body: { version: 'test', running: [] } })
    const answer = await asNode.ask(QueueAnswer, 'POST', '/v1/node/queue')
    if (answer.kind !== 'sqs') throw new Error('no queue')
    const sqs = sqsClient({ region: answer.region, credentials: answer.credentials })
    const queue = sqsQueue(
      { client: sqs, clock: systemClock, log: silentLog },
      { url: answer.url, isFifo: true },
    )
    await client.volumes.create({ cluster: 'edge', name: 'small', sizeBytes: 16 * MiB })
    await queue.receive({ waitMs: 5000 }, () => Promise.reject(new Error('not now')))
    sqs.destroy()
    await world.catalog.volumes.remove(catalogKeys.volume('edge', 'small'))
    await client.nodes.remove('edge-1')
    await client.clusters.remove('edge')

    await done(client.volumes.remove('standby', 'copy'))
    await until('the volume to go', async () =>
      (await world.catalog.volumes.get(catalogKeys.volume('standby', 'copy'))) ? undefined : true,
    )
    await client.secrets.put('other', { AWS_PROFILE: 'one' })
    const scheduled = { __type: 'InvalidRequestException', Message: 'it is scheduled for deletion' }
    let isRefused = false
    aws.onCall = async ({ operation }) => {
      if (operation !== 'CreateSecret' || isRefused) return undefined
      isRefused = true
      return { status: 400, body: scheduled }
    }
    await client.secrets.put('other', { AWS_PROFILE: 'two' })
    aws.onCall = undefined
    await client.secrets.remove('other')
    await client.settings.put('default-backup-target', 's3')
    await client.settings.reset('default-backup-target')
    await client.jobs.put('hourly', { task: 'backup', cron: '30 * * * *', retain: 1, isEnabled: false })
    await client.jobs.remove('hourly')
    const { indexedAt } = await client.targets.show('minio')
    expect(await client.targets.index('minio')).toMatchObject({ name: 'minio', indexedAt })
    await until('the look that was asked for', async () =>
      (await client.targets.show('minio')).indexedAt === indexedAt ? undefined : true,
    )
    const { id } = await client.volumes.detach('primary', 'db')
    await client.operations.cancel(id)
  })

  it('put right each minute what was left', async () => {
    const { client } = aws
    const { catalog } = world
    const old = new Date(Date.now() - 3 * hourMs).toISOString()
    const row = {
      ...queuedOperation,
      createdAt: old,
      sentAt: old,
      kind: 'detach-volume' as const,
      parameters: {},
    }
    // Never taken on, though its node is there; expired at the control plane's own worker; a volume whose making was cut off.
    const later = new Date(Date.now() + hourMs).toISOString()
    await catalog.operations.create({
      ...row,
      id: 'lost-command',
      node: 'primary-1',
      volume: 'gone',
      expiresAt: later,
    })
    const parameters = { target: 's3', backupVolume: 'web', lock: 'lock-1' }
    await catalog.operations.create({
      ...row,
      id: 'expired',
      kind: 'collect-blocks',
      node: controlPlaneNode,
      parameters,
      expiresAt: old,
    })
    await catalog.volumes.create({
      ...storedVolume,
      name: 'cut-off',
      node: 'primary-1',
      state: 'creating',
      createdAt: old,
    })
    await catalog.targets.change(catalogKeys.target('s3'), (there) => there && { ...there, indexedAt: old })
    // Rules and jobs that do not agree.
    await world.jobs.create({
      name: 'no-rule',
      task: 'snapshot',
      cron: '0 3 1 1 *',
      retain: 1,
      labels: {},
      groups: [],
      isEnabled: true,
    })
    await client.jobs.put('no-job', { task: 'snapshot', cron: '0 3 1 1 *', retain: 1 })
    await world.jobs.remove(catalogKeys.job('no-job'))
    await nodes[0]?.heartbeat()
    await aws.reconcile()
    await until('the command sent again', async () => {
      const { endedAt } = await client.operations.show('lost-command')
      return endedAt ?? undefined
    })
    // Who was not listened to for two minutes may have said that he had begun.
    while ((await client.operations.show('expired')).endedAt === null) {
      await systemClock.sleep(2000)
      await aws.reconcile()
    }
    expect((await client.operations.show('expired')).failure).toMatchObject({ code: 'expired' })
    expect(await catalog.volumes.get(catalogKeys.volume('primary', 'cut-off'))).toBe(undefined)
    await until('the look', async () =>
      (await client.targets.show('s3')).indexedAt === old ? undefined : true,
    )
    await world.jobs.remove(catalogKeys.job('no-rule'))
    await aws.reconcile()
  })

  describe('by their roles', () => {
    const own = (name: string): SeenCall[] => aws.calls.filter(({ by, of }) => by === name && of === name)
    const requestsOf = (calls: readonly SeenCall[]) => distinct(calls.flatMap(iamRequestsOf))
    const roleOf = (name: string) =>
      `${name
        .split('-')
        .map((word) => word[0]?.toUpperCase() + word.slice(1))
        .join('')}Role`
    /** What AWS does by the role without a call of ours. */
    const ours = (roleId: string) =>
      statementsOf(aws.stack, roleId).filter(({ Sid }) => !Sid?.startsWith('Service'))
    /** A role has to trust who asks for it, too. */
    const isLetIn = async (roleId: string, { action, resource }: IamRequest): Promise<boolean> =>
      action !== 'sts:AssumeRole' || isTrusted(aws.stack, resource, roleId)
    const refused = async (roleId: string, calls: readonly SeenCall[]): Promise<string[]> => {
      const found: string[] = []
      for (const request of requestsOf(calls))
        if (!(await isAllowed(ours(roleId), request)) || !(await isLetIn(roleId, request)))
          found.push(`${request.action} ${request.resource}`)
      return found
    }
    /** Each action of each statement, by itself, allows a call that was made. */
    const unused = async (roleId: string, calls: readonly SeenCall[]): Promise<string[]> => {
      const asked = requestsOf(calls)
      const found: string[] = []
      for (const statement of ours(roleId))
        for (const action of [statement.Action].flat()) {
          const alone = [{ ...statement, Action: action }]
          const verdicts = asked
            .filter((each) => each.action === action)
            .map((each) => isAllowed(alone, each))
          if (!(await Promise.all(verdicts)).includes(true))
            found.push(`${roleId} ${statement.Sid} ${action}`)
        }
      return found
    }

    it.each(functionNames)('%s is allowed every call that it made', async (name) => {
      expect(own(name).length).toBeGreaterThan(0)
      expect(await refused(roleOf(name), own(name))).toEqual([])
    })

    it('is nothing that no call needed', async () => {
      const found: string[] = []
      for (const name of functionNames) found.push(...(await unused(roleOf(name), own(name))))
      expect(found).toEqual([])
    })

    it('sessions need what the roles behind them allow, and no more: the four actions of S3 among them', async () => {
      const sessions = aws.calls.filter(({ by, status }) => by === 'session' && status < 400)
      for (const [roleId, service] of [
        ['BackupRole', 's3'],
        ['NodeRole', 'sqs'],
      ] as const) {
        const calls = sessions.filter((call) => call.service === service)
        expect(await refused(roleId, calls)).toEqual([])
        expect(await unused(roleId, calls)).toEqual([])
      }
      const actions = requestsOf(sessions.filter(({ service }) => service === 's3')).map(
        ({ action }) => action,
      )
      expect([...new Set(actions)].toSorted()).toEqual(seedsActions)
    })

    it('a session of a node takes from its own queue: from no other, and nothing else', async () => {
      const queues = nodeQueuesIn(aws.calls)
      const sessions = queueSessionsIn(aws.calls)
      expect(new Set(sessions.map(({ node }) => node)).size).toBe(3)
      expect(takesIn(aws.calls)).toEqual(['ChangeMessageVisibility', 'DeleteMessage', 'ReceiveMessage'])
      for (const session of sessions) {
        const its = queues.filter((queue) => queue.startsWith(`drover-node-${session.node}-`))
        const takes = takesIn(aws.calls).map((operation) => `${operation} ${its.join(', ')}`)
        expect(await allowedTo(session, aws.stack, aws.calls)).toEqual(takes)
        // With a policy that named no queue it might take from all.
        const wide = { ...session, policy: session.policy.replaceAll(/"arn:[^"]*"/g, '"*"') }
        expect(await allowedTo(wide, aws.stack, aws.calls)).toHaveLength(takes.length * queues.length)
      }
    })

    it('no call was refused on the way', () => {
      const denied = aws.calls.filter(({ status }) => status === 401 || status === 403)
      expect(denied.map(({ of, operation, input }) => [of, operation, input['Key']])).toEqual([])
    })
  })
})

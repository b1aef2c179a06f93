import { beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#lib/base/clock.ts'
import { silentLog } from '#lib/base/log.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { catalog, type Catalog } from '#lib/catalog/catalog.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import { memoryLeases } from '#lib/operation/memory-leases.ts'
import type { MessageLeases } from '#lib/operation/message-leases.ts'
import type { Operation } from '#lib/operation/operation.ts'
import { QueueError } from '#lib/operation/queue-error.ts'
import type { QueueMessage } from '#lib/operation/queue.ts'
import type { Report } from '#lib/operation/report.ts'
import type { Session, SessionRequest } from '#lib/target/sts-sessions.ts'
import { TargetError } from '#lib/target/target-error.ts'
import type { SettingsRecord } from '#lib/target/target-settings.ts'
import { queuedOperation } from '#test/queued-operation.ts'
import { storedVolume } from '#test/stored-volume.ts'
import { newToken } from './new-token.ts'
import { JoinAnswer, ReceiveAnswer } from './node-messages.ts'
import { nodeRoutes, type NodeRoutesDeps } from './node-routes.ts'
import { apiRouter, authenticate, sendProblem, type ApiApp } from './routing.ts'
import { vendAccess } from './vend-access.ts'

const session = (name: string): Session => ({
  accessKeyId: name,
  secretAccessKey: 'session-secret',
  sessionToken: 'session-token',
  expiration: new Date('2026-01-01T01:00:00Z'),
})

const heartbeat = {
  version: '1.2.3',
  pool: { kind: 'copy', totalBytes: 100, availableBytes: 50, promisedBytes: 10 },
  running: [],
}
const report: Report = {
  version: 1,
  operationId: 'op-1',
  node: 'node-1',
  sequence: 1,
  at: '2026-01-01T00:00:01Z',
  event: { kind: 'accepted' },
}

describe('routes of nodes', () => {
  let things: Catalog
  let app: ApiApp
  let leases: Map<string, MessageLeases>
  let reported: QueueMessage[]
  let secrets: Record<string, SettingsRecord>
  let token: string

  const serve = (more: Partial<NodeRoutesDeps> = {}) => {
    const vending = {
      catalog: things,
      secrets: { get: async (name: string) => secrets[name] },
      sessions: async ({ name }: SessionRequest) => session(name),
      clock: systemClock,
      log: silentLog,
    }
    const deps: NodeRoutesDeps = {
      catalog: things,
      leasesOf: (node) => leases.get(node) ?? memoryLeases(systemClock),
      reports: {
        send: async (message) => {
          reported.push(message)
        },
      },
      vend: vendAccess(vending, { env: {} }),
      clock: systemClock,
      log: silentLog,
      ...more,
    }
    app = apiRouter()
    app.onError((error, context) => sendProblem(context, error))
    app.use('/v1/*', authenticate(deps))
    app.route('/', nodeRoutes(deps))
  }
  const tokenFor = async (role: 'node' | 'join' | 'admin', more: { node?: string; cluster?: string } = {}) =>
    (await newToken({ catalog: things, clock: systemClock }, { name: 'test', role, ...more })).token
  const addNode = (name: string) =>
    things.nodes.create({
      name,
      cluster: 'primary',
      joinedAt: '2026-01-01T00:00:00Z',
      heardAt: null,
      version: null,
      pool: null,
      inventory: null,
    })

  beforeEach(async () => {
    things = catalog(memoryItemStore())
    leases = new Map([
      ['node-1', memoryLeases(systemClock)],
      ['node-2', memoryLeases(systemClock)],
    ])
    reported = []
    secrets = {}
    serve()
    await things.clusters.create({ name: 'primary', createdAt: '2026-01-01T00:00:00Z' })
    await addNode('node-1')
    token = await tokenFor('node', { node: 'node-1', cluster: 'primary' })
  })

  const post = async (path: string, body: unknown, by = token) => {
    const response = await app.request(`/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${by}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }
  const problem = (status: number, code: string, more: object = {}) => ({
    status,
    body: expect.objectContaining({ status, code, ...more }),
  })
  const named = (...fields: string[]) => ({
    errors: fields.map((field) => expect.objectContaining({ field })),
  })

  const routes: [string, unknown][] = [
    ['/node/heartbeat', heartbeat],
    ['/node/operations/op-1/begin', undefined],
    ['/node/commands/receive', { waitMs: 0 }],
    ['/node/commands/settle', { taken: [], notTaken: [] }],
    ['/node/reports', { reports: [report] }],
  ]

  it.each(routes)('POST %s serves the nodes that there are, and nobody else', async (path, body) => {
    expect((await post(path, body)).status).toBeLessThan(300)
    for (const role of ['join', 'admin'] as const)
      expect(await post(path, body, await tokenFor(role, { cluster: 'primary' }))).toEqual(
        problem(403, 'forbidden'),
      )
    await things.nodes.remove(catalogKeys.node('node-1'))
    expect(await post(path, body)).toEqual(problem(403, 'forbidden'))
    expect((await post(path, body)).body.hint).toContain('drover node join')
  })

  it('takes a heartbeat, and refuses what it does not know', async () => {
    const inventory = { process: 'one', number: 1, volumes: [] }
    expect(await post('/node/heartbeat', { ...heartbeat, inventory })).toEqual({ status: 204 })
    expect(await things.nodes.get(catalogKeys.node('node-1'))).toMatchObject({
      version: '1.2.3',
      inventory: { process: 'one', number: 1 },
    })
    expect(await post('/node/heartbeat', { ...heartbeat, mood: 'fine', pool: {} })).toEqual(
      problem(400, 'invalid-request'),
    )
  })

  describe('begin', () => {
    const backup: Operation<'create-backup'> = {
      ...queuedOperation,
      kind: 'create-backup',
      parameters: {
        target: 'nas',
        backupVolume: 'web',
        backup: 'backup-1',
        lock: 'lock-1',
        labels: {},
        isFull: false,
        onlyIfWritten: false,
      },
    }
    const addTarget = (credential: string | null) =>
      things.targets.create({
        name: 'nas',
        url: 's3://backups@us-east-1/',
        credential,
        reachedBy: null,
        createdAt: '2026-01-01T00:00:00Z',
        indexedAt: null,
        failure: null,
      })
    const begin = async (operation: Operation | undefined) => {
      await things.volumes.create(storedVolume)
      if (operation) await things.operations.create(operation)
      return (await post('/node/operations/op-1/begin', undefined)).body
    }
    const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }

    it('lets one go that needs no target', async () => {
      expect(await begin(queuedOperation)).toEqual({ kind: 'go', access: null })
    })

    it('gives the credentials of its target', async () => {
      secrets = { minio: keys, other: { AWS_ACCESS_KEY_ID: 'other' } }
      await addTarget('minio')
      const access = { url: 's3://backups@us-east-1/', settings: keys, expiresAt: null }
      expect(await begin(backup)).toEqual({ kind: 'go', access })
    })

    it('gives a session of its role, and nothing of its secret but the way', async () => {
      const roleArn = 'arn:aws:iam::123456789012:role/backups'
      const more = { AWS_IAM_ROLE_ARN: roleArn, AWS_EXTERNAL_ID: 'ours', HTTPS_PROXY: 'http://proxy:3128' }
      secrets = { minio: { ...keys, ...more } }
      await addTarget('minio')
      const settings = {
        AWS_ACCESS_KEY_ID: 'create-backup.op-1',
        AWS_SECRET_ACCESS_KEY: 'session-secret',
        AWS_SESSION_TOKEN: 'session-token',
        HTTPS_PROXY: 'http://proxy:3128',
      }
      const access = { url: 's3://backups@us-east-1/', settings, expiresAt: '2026-01-01T01:00:00.000Z' }
      expect(await begin(backup)).toEqual({ kind: 'go', access })
    })

    it('gives none of a target that has none', async () => {
      await addTarget(null)
      expect(await begin(backup)).toEqual({
        kind: 'go',
        access: { url: 's3://backups@us-east-1/', settings: {}, expiresAt: null },
      })
    })

    it('stops one whose target or secret is gone', async () => {
      expect(await begin(backup)).toEqual({
        kind: 'not-current',
        reason: 'there is no backup target nas any more',
      })
      await addTarget('minio')
      expect(await post('/node/operations/op-1/begin', undefined)).toEqual(
        problem(409, 'no-secret', {
          detail: 'backup target nas needs the secret minio, which is not there',
          hint: expect.stringContaining('drover target secret put minio'),
        }),
      )
    })

    it.each([
      ['role-refused', 409],
      ['policy-too-large', 409],
      ['sts-unavailable', 503],
    ] as const)('says why there are no credentials: %s', async (code, status) => {
      const refused = new TargetError(code, 'not today', { hint: 'tomorrow' })
      serve({ vend: () => Promise.reject(refused) })
      await addTarget(null)
      await begin(backup)
      expect(await post('/node/operations/op-1/begin', undefined)).toEqual(
        problem(status, code, { detail: 'not today', hint: 'tomorrow' }),
      )
    })

    it('gives no credentials to another node, nor for what is cancelled or unknown', async () => {
      secrets = { minio: keys }
      await addTarget('minio')
      expect(await begin(undefined)).toMatchObject({ kind: 'not-current' })
      expect(await begin({ ...backup, isCancelRequested: true })).toEqual({
        kind: 'cancelled',
        access: null,
      })
      await things.operations.change(catalogKeys.operation('op-1'), () => ({ ...backup, node: 'node-2' }))
      expect(await begin(undefined)).toEqual({ kind: 'not-current', reason: 'it is for node node-2' })
    })
  })

  describe('commands', () => {
    const command = (name: string): QueueMessage => ({
      body: `"${name}"`,
      group: name,
      deduplicationId: name,
    })
    const receive = async () =>
      ReceiveAnswer.parse((await post('/node/commands/receive', { waitMs: 0 })).body).messages

    it('are lent to their node, and settled', async () => {
      leases.get('node-1')?.add(command('a'))
      leases.get('node-1')?.add(command('b'))
      leases.get('node-2')?.add(command('c'))
      const [a, b] = await receive()
      expect([a, b]).toMatchObject([command('a'), command('b')])
      expect(await receive()).toEqual([])
      const settled = { taken: [a?.lease, 'unknown'], notTaken: [b?.lease] }
      expect(await post('/node/commands/settle', settled)).toEqual({ status: 204 })
      await systemClock.sleep(1010)
      expect(await receive()).toMatchObject([command('b')])
    })

    it('are waited for', async () => {
      const waiting = post('/node/commands/receive', { waitMs: 5000 })
      await systemClock.sleep(20)
      leases.get('node-1')?.add(command('a'))
      expect((await waiting).body).toMatchObject({ messages: [command('a')] })
      expect(await post('/node/commands/receive', { waitMs: 20_001 })).toEqual(
        problem(400, 'invalid-request', named('waitMs')),
      )
    })

    it('are not here where a queue service has them', async () => {
      serve({ leasesOf: undefined })
      expect(await post('/node/commands/receive', { waitMs: 0 })).toEqual(problem(404, 'not-found'))
      expect(await post('/node/commands/settle', { taken: [], notTaken: [] })).toEqual(
        problem(404, 'not-found'),
      )
    })
  })

  it('passes reports on, in order, each once', async () => {
    const second = { ...report, sequence: 2, event: { kind: 'succeeded', result: { a: [1, null] } } }
    expect(await post('/node/reports', { reports: [report, second] })).toEqual({ status: 204 })
    expect(reported).toEqual([
      { group: 'node-1', deduplicationId: 'op-1.1', body: JSON.stringify(report) },
      { group: 'node-1', deduplicationId: 'op-1.2', body: JSON.stringify(second) },
    ])
  })

  it('takes no report for another node, and none that it cannot read', async () => {
    const reports = [report, { ...report, node: 'node-2' }]
    expect(await post('/node/reports', { reports })).toEqual(
      problem(400, 'invalid-request', named('reports.1.node')),
    )
    expect(await post('/node/reports', { reports: [report, { ...report, version: 2 }] })).toEqual(
      problem(400, 'invalid-request', named('reports.1.version')),
    )
    expect(reported).toEqual([])
  })

  describe('join', () => {
    const join = (by: string, node: string) => post('/nodes/join', { node }, by)
    const joinToken = () => tokenFor('join', { cluster: 'primary' })

    it('is asked for again with the same token when no queue could be made', async () => {
      const blocked = new QueueError('name-blocked', 'removed just now', { hint: 'try again in a minute' })
      const made: string[] = []
      serve({
        makeQueue: async (node) => {
          if (made.push(node) === 1) throw blocked
        },
      })
      const by = await joinToken()
      expect(await join(by, 'node-9')).toEqual(
        problem(409, 'name-blocked', { hint: 'try again in a minute' }),
      )
      expect(await things.nodes.get(catalogKeys.node('node-9'))).toBeUndefined()
      expect((await join(by, 'node-9')).status).toBe(201)
      expect(made).toEqual(['node-9', 'node-9'])
    })

    it('makes a node with a token of its own', async () => {
      const joined = await join(await joinToken(), 'node-9')
      expect(joined).toMatchObject({ status: 201, body: { node: 'node-9', cluster: 'primary' } })
      expect(await things.nodes.get(catalogKeys.node('node-9'))).toMatchObject({ cluster: 'primary' })
      const { token: own } = JoinAnswer.parse(joined.body)
      expect(await post('/node/heartbeat', heartbeat, own)).toEqual({ status: 204 })
    })

    it('takes a token once, also of two at the same time', async () => {
      const one = await joinToken()
      const both = await Promise.all([join(one, 'node-8'), join(one, 'node-9')])
      expect(new Set(both.map(({ status }) => status))).toEqual(new Set([201, 403]))
      expect(await join(one, 'node-7')).toEqual(problem(401, 'unauthenticated'))
      const { values } = await things.nodes.list({ partition: catalogKeys.node('').partition })
      expect(values).toHaveLength(2)
    })

    it('refuses a name that is taken, or cannot be, and keeps the token good', async () => {
      const one = await joinToken()
      expect(await join(one, 'node-1')).toEqual(problem(409, 'exists', named('node')))
      for (const name of ['control-plane', 'Node 1', ''])
        expect(await join(one, name)).toEqual(problem(400, 'invalid-request', named('node')))
      expect((await join(one, 'node-9')).status).toBe(201)
    })

    it('takes no other token, and none for a cluster that is gone', async () => {
      const others = [token, await tokenFor('admin')]
      for (const other of others) expect(await join(other, 'node-9')).toEqual(problem(403, 'forbidden'))
      const stale = await tokenFor('join', { cluster: 'gone' })
      expect(await join(stale, 'node-9')).toEqual(problem(409, 'conflict'))
    })
  })

  it('are in the OpenAPI document, each with its role', () => {
    const { paths } = app.getOpenAPI31Document({ openapi: '3.1.0', info: { title: 'test', version: '1' } })
    const roles = Object.entries(paths ?? {}).map(([path, { post: route }]) => [
      path,
      Object(route)['x-role'],
    ])
    expect(Object.fromEntries(roles)).toEqual({
      '/v1/nodes/join': 'join',
      '/v1/node/heartbeat': 'node',
      '/v1/node/operations/{id}/begin': 'node',
      '/v1/node/queue': 'node',
      '/v1/node/commands/receive': 'node',
      '/v1/node/commands/settle': 'node',
      '/v1/node/reports': 'node',
    })
  })
})

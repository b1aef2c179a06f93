import { beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { catalog, type Catalog } from '#lib/catalog/catalog.ts'
import type { Target } from '#lib/catalog/entities.ts'
import { memoryItemStore } from '#lib/catalog/memory-item-store.ts'
import type { SessionRequest } from '#lib/target/sts-sessions.ts'
import { TargetError, type TargetErrorCode } from '#lib/target/target-error.ts'
import type { SettingsRecord } from '#lib/target/target-settings.ts'
import { queuedOperation } from '#test/queued-operation.ts'
import type { TargetOperation } from './operation-reach.ts'
import { targetCredentials, type TargetCredentialsSettings } from './target-credentials.ts'
import { vendAccess } from './vend-access.ts'

const canary = 'drovercanary'
const keys = { AWS_ACCESS_KEY_ID: `${canary}-id`, AWS_SECRET_ACCESS_KEY: `${canary}-secret` }
const endpoint = 'https://minio:9000'
const roleArn = 'arn:aws:iam::123456789012:role/backups'
const operation: TargetOperation = {
  ...queuedOperation,
  kind: 'restore-backup',
  parameters: { target: 'nas', backupVolume: 'web', backup: 'first', isSalvage: false },
}
const row: Target = {
  name: 'nas',
  url: 's3://backups@us-east-1/',
  credential: 'minio',
  reachedBy: null,
  createdAt: '2026-01-01T00:00:00Z',
  indexedAt: null,
  failure: null,
}

describe('vending access to a target', () => {
  let things: Catalog
  let secret: SettingsRecord | undefined
  let asked: SessionRequest[]
  let failure: TargetErrorCode | undefined
  let logged: string[]

  const note =
    (level: string): Log['info'] =>
    (event, fields = {}) =>
      void logged.push(`${level} ${event} ${JSON.stringify(fields)}`)
  const log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
  const deps = () => ({
    catalog: things,
    secrets: { get: async () => secret },
    sessions: async (request: SessionRequest) => {
      asked.push(request)
      if (failure) throw new TargetError(failure, `no session: ${failure}`)
      return {
        accessKeyId: 'session-id',
        secretAccessKey: `${canary}-session`,
        sessionToken: 'session-token',
        expiration: new Date('2026-01-01T01:00:00Z'),
      }
    },
    clock: systemClock,
    log,
  })
  const there = () => things.targets.get(catalogKeys.target('nas'))
  const vend = async (settings: TargetCredentialsSettings = { env: {} }, more: Partial<Target> = {}) =>
    vendAccess(deps(), settings)({ ...((await there()) ?? row), ...more }, operation)

  beforeEach(async () => {
    things = catalog(memoryItemStore())
    await things.targets.create(row)
    secret = { ...keys, AWS_ENDPOINTS: endpoint, NO_PROXY: 'minio' }
    asked = []
    failure = undefined
    logged = []
  })

  it('gives a session of the store, the way to it, and nothing else of the secret', async () => {
    expect(await vend()).toEqual({
      url: row.url,
      settings: {
        AWS_ENDPOINTS: endpoint,
        NO_PROXY: 'minio',
        AWS_ACCESS_KEY_ID: 'session-id',
        AWS_SECRET_ACCESS_KEY: `${canary}-session`,
        AWS_SESSION_TOKEN: 'session-token',
      },
      expiresAt: '2026-01-01T01:00:00.000Z',
    })
    expect(asked[0]).toMatchObject({
      roleArn: undefined,
      name: 'restore-backup.op-1',
      reach: { puts: [], deletes: [] },
    })
    expect((await there())?.credentials).toMatchObject({ kind: 'per-operation', endpoint })
    expect(logged.join('\n')).toContain('info credentials vended ')
    expect(logged.join('\n')).not.toContain(canary)
  })

  it('assumes the role of the installation for targets without a secret, by what the control plane has', async () => {
    const env = { ...keys, AWS_REGION: 'eu', HTTPS_PROXY: 'http://proxy:3128' }
    const { settings } = await vend({ env, defaultRoleArn: roleArn }, { credential: null })
    expect(asked[0]).toMatchObject({ roleArn, settings: { keys: { accessKeyId: `${canary}-id` } } })
    expect(Object.keys(settings).toSorted()).toEqual([
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_SESSION_TOKEN',
    ])
  })

  it('gives nothing of what the control plane has to who needs no secret', async () => {
    expect(await vend({ env: keys }, { credential: null })).toEqual({
      url: row.url,
      settings: {},
      expiresAt: null,
    })
    const url = 'file:///backups/'
    expect(await vend({ env: keys, defaultRoleArn: roleArn }, { url })).toEqual({
      url,
      settings: {},
      expiresAt: null,
    })
    expect(asked).toEqual([])
  })

  it('says that keys are shared, at the target and in the log', async () => {
    secret = keys
    expect(await vend()).toEqual({ url: row.url, settings: keys, expiresAt: null })
    expect((await there())?.credentials).toMatchObject({
      kind: 'shared',
      reason: expect.stringContaining('role'),
    })
    expect(logged.join('\n')).toContain('warn credentials vended that are not for this operation alone')
    expect(logged.join('\n')).not.toContain(canary)
  })

  it('hands out keys only where it was found out that nothing narrows them', async () => {
    failure = 'sts-unavailable'
    await expect(vend()).rejects.toMatchObject({ code: 'sts-unavailable' })
    expect((await there())?.credentials).toBeUndefined()
    failure = 'role-refused'
    expect(await vend()).toMatchObject({ settings: keys, expiresAt: null })
    asked = []
    expect(await vend()).toMatchObject({ settings: keys })
    expect(asked).toEqual([])
  })

  it('never hands out keys of a store that gave sessions', async () => {
    await vend()
    for (failure of ['sts-unavailable', 'role-refused', 'policy-too-large'] as const)
      await expect(vend()).rejects.toMatchObject({ code: failure })
    expect((await there())?.credentials).toMatchObject({ kind: 'per-operation' })
  })

  it('finds out anew what is at another address', async () => {
    await vend()
    secret = { ...keys, AWS_ENDPOINTS: 'https://other:9000' }
    failure = 'role-refused'
    expect(await vend()).toMatchObject({ settings: keys })
    expect((await there())?.credentials).toMatchObject({ kind: 'shared', endpoint: 'https://other:9000' })
  })

  it('never hands out the keys that assume a role', async () => {
    secret = { ...keys, AWS_IAM_ROLE_ARN: roleArn }
    failure = 'role-refused'
    await expect(vend()).rejects.toMatchObject({ code: 'role-refused' })
    expect(logged.join('\n')).not.toContain(canary)
  })

  it('is found out for a target that is added, unless nobody answers', async () => {
    const find = targetCredentials(deps(), { env: {} })
    expect(await find(row)).toMatchObject({ kind: 'per-operation' })
    failure = 'role-refused'
    expect(await find(row)).toMatchObject({ kind: 'shared' })
    failure = 'sts-unavailable'
    expect(await find(row)).toBeUndefined()
    expect(await find({ ...row, url: 'file:///backups/' })).toMatchObject({ kind: 'none' })
    secret = undefined
    await expect(find(row)).rejects.toMatchObject({ code: 'no-secret' })
  })
})

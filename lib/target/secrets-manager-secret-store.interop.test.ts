import { inspect } from 'node:util'
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  InvalidRequestException,
  ListSecretsCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startMoto, type Moto } from '#test/oracles/moto.ts'
import { secretStoreContract } from './secret-store.contract.ts'
import { secretsManagerClient } from './secrets-manager-client.ts'
import {
  secretsManagerSecretStore,
  type SecretsManagerSecretStoreSettings,
} from './secrets-manager-secret-store.ts'

const prefix = 'drover/'
const canary = 'canary-7d1f'
const keys = { AWS_ACCESS_KEY_ID: 'AKIA', AWS_SECRET_ACCESS_KEY: canary }

let moto: Moto
beforeAll(async () => {
  moto = await startMoto()
})
afterAll(() => moto.stop())
beforeEach(() => moto.reset())

const newClient = () => secretsManagerClient({ ...moto.clientSettings, maxAttempts: 3 })
const slept: number[] = []
const clock = {
  sleep: async (ms: number) => {
    slept.push(ms)
  },
}
const newStore = (more: Partial<SecretsManagerSecretStoreSettings> = {}, client = newClient()) =>
  secretsManagerSecretStore({ client, clock }, { prefix, tags: { 'drover:stack': 'drover' }, ...more })

/** What `refuse` throws stands for Secrets Manager's answer. */
const refusing = (refuse: (command: string) => unknown): SecretsManagerClient => {
  const client = newClient()
  client.middlewareStack.add(
    (next, context) => async (args) => {
      await refuse(context.commandName ?? '')
      return next(args)
    },
    { step: 'initialize' },
  )
  return client
}
const scheduled = () =>
  new InvalidRequestException({
    message: 'You tried to perform the operation on a secret that is currently marked deleted.',
    $metadata: { httpStatusCode: 400 },
  })

secretStoreContract('Secrets Manager', { open: async () => newStore() })

describe('a secret in Secrets Manager', () => {
  it('is the JSON of its keys below the prefix, tagged, and gone for good when it is removed', async () => {
    const client = newClient()
    await newStore({ kmsKeyId: 'alias/drover' }).put('minio', keys)
    const made = await client.send(new DescribeSecretCommand({ SecretId: 'drover/minio' }))
    expect(made).toMatchObject({ KmsKeyId: 'alias/drover', Tags: [{ Key: 'drover:stack', Value: 'drover' }] })
    await newStore().remove('minio')
    const all = await client.send(new ListSecretsCommand({ IncludePlannedDeletion: true }))
    expect(all.SecretList).toEqual([])
    await newStore().put('minio', keys)
    expect(await newStore().get('minio')).toEqual(keys)
  })

  it('is put by several at once, and is one of theirs', async () => {
    const accounts = ['A', 'B', 'C', 'D']
    await Promise.all(
      accounts.map((AWS_ACCESS_KEY_ID) => newStore().put('minio', { ...keys, AWS_ACCESS_KEY_ID })),
    )
    expect(accounts).toContain((await newStore().get('minio'))?.['AWS_ACCESS_KEY_ID'])
  })

  it('that somebody scheduled for deletion is none, until it is put', async () => {
    await newStore().put('minio', keys)
    await newStore().put('nas', keys)
    await newClient().send(new DeleteSecretCommand({ SecretId: 'drover/minio', RecoveryWindowInDays: 7 }))
    expect(await newStore().get('minio')).toBe(undefined)
    expect(await newStore().names()).toEqual(['nas'])
    // Moto takes a value for such a secret, and leaves it as it is; AWS refuses both.
    const client = refusing(async (command) => {
      if (command !== 'CreateSecretCommand' && command !== 'PutSecretValueCommand') return
      const { DeletedDate } = await newClient().send(new DescribeSecretCommand({ SecretId: 'drover/minio' }))
      if (DeletedDate) throw scheduled()
    })
    await newStore({}, client).put('minio', { ...keys, AWS_ACCESS_KEY_ID: 'new' })
    expect(await newStore().get('minio')).toEqual({ ...keys, AWS_ACCESS_KEY_ID: 'new' })
    expect(await newStore().names()).toEqual(['minio', 'nas'])
  })

  it('that is being removed is waited for, but not for ever', async () => {
    let refusals = 6
    const client = refusing(() => {
      if (refusals-- > 0) throw scheduled()
    })
    slept.length = 0
    await newStore({}, client).put('minio', keys)
    expect(slept).toEqual([100, 200])
    expect(await newStore().get('minio')).toEqual(keys)
    refusals = Infinity
    await expect(newStore({}, client).put('minio', keys)).rejects.toMatchObject({
      code: 'failed',
      message: 'secret drover/minio was not put: one of its name is being removed',
    })
  })

  it('of another prefix is not listed, however many there are', async () => {
    const names = Array.from({ length: 120 }, (_, index) => `secret-${String(index).padStart(3, '0')}`)
    await Promise.all(names.map((name) => newStore().put(name, keys)))
    await newStore({ prefix: 'drover/eu/' }).put('minio', keys)
    await newStore({ prefix: 'drover-2/' }).put('minio', keys)
    expect(await newStore().names()).toEqual(names)
    expect(await newStore().get('eu/minio')).toBe(undefined)
    await newStore().remove('eu/minio')
    expect(await newStore({ prefix: 'drover/eu/' }).names()).toEqual(['minio'])
  })

  it.each([
    canary,
    `{"AWS_SECRET_ACCESS_KEY":"${canary}"`,
    `["${canary}"]`,
    `{"a":{"b":"${canary}"}}`,
    undefined,
  ])('that is none is refused without a word of what is in it: %#', async (SecretString) => {
    const SecretBinary = SecretString === undefined ? Buffer.from(canary) : undefined
    await newClient().send(new CreateSecretCommand({ Name: 'drover/minio', SecretString, SecretBinary }))
    const refused = await newStore()
      .get('minio')
      .catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'damaged', message: expect.stringContaining('drover/minio') })
    expect(inspect(refused, { depth: 9, showHidden: true })).not.toContain(canary)
    await newStore().put('minio', keys)
    expect(await newStore().get('minio')).toEqual(keys)
  })

  it.each([
    [
      'AccessDeniedException',
      400,
      'access-denied',
      'let the role do secretsmanager:CreateSecret on secret drover/minio',
    ],
    ['Forbidden', 403, 'access-denied', 'let the role do secretsmanager:CreateSecret on secret drover/minio'],
    ['ExpiredTokenException', 400, 'access-denied', 'not expired'],
    ['ThrottlingException', 400, 'throttled', 'try again'],
    ['EncryptionFailure', 400, 'failed', 'KMS key'],
    ['LimitExceededException', 400, 'failed', 'remove some'],
    ['ValidationException', 400, 'failed', 'try again'],
    [`quoted ${canary}`, 500, 'failed', 'try again'],
  ])(
    'is put, and %s says what is wrong and nothing of the secret',
    async (name, httpStatusCode, code, hint) => {
      const $metadata = { httpStatusCode, requestId: 'r-1' }
      const client = refusing(() => {
        throw Object.assign(new Error(`the value ${canary} at secretString`), { name, $metadata })
      })
      const refused = await newStore({}, client)
        .put('minio', keys)
        .catch((error: unknown) => error)
      expect(refused).toMatchObject({
        code,
        message: expect.stringMatching(/^CreateSecret of secret drover\/minio: .*r-1/),
        hint: expect.stringContaining(hint),
      })
      expect(inspect(refused, { depth: 9, showHidden: true })).not.toContain(canary)
    },
  )

  it('may not be larger than Secrets Manager takes', async () => {
    const filler = { ...keys, OTHER: canary.repeat(6000) }
    const refused = await newStore()
      .put('minio', filler)
      .catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'too-large' })
    expect(inspect(refused, { depth: 9, showHidden: true })).not.toContain(canary)
    expect(await newStore().names()).toEqual([])
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import { BackupIndexError } from '#lib/backup-index/backup-index-error.ts'
import { indexTarget } from '#lib/backup-index/index-backups.ts'
import { createBackup } from '#lib/backup/create-backup.ts'
import { memorySource } from '#lib/backup/memory-volume.ts'
import { gathered } from '#lib/base/gathered.ts'
import { MiB } from '#lib/base/sizes.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { memoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { TargetError } from '#lib/target/target-error.ts'
import { apiWorld, type ApiWorld } from '#test/api-world.ts'

const canary = 'canary-9d1c'
const keys = { AWS_ACCESS_KEY_ID: `${canary}-id`, AWS_SECRET_ACCESS_KEY: `${canary}-key` }

describe('backup targets over the API', () => {
  let world: ApiWorld
  beforeEach(async () => {
    world = await apiWorld()
  })
  const admin = () => world.client('admin')
  const operator = () => world.client('operator')
  const refusedUnchanged = async (asked: () => Promise<unknown>, problem: object) => {
    const before = await world.snapshotOfAll()
    await expect(asked()).rejects.toMatchObject(problem)
    expect(await world.snapshotOfAll()).toBe(before)
  }

  it('adds, lists, shows and forgets targets', async () => {
    await admin().secrets.put('keys', keys)
    const made = await admin().targets.create({
      name: 's3',
      url: 's3://bucket@us-east-1/',
      credential: 'keys',
    })
    expect(made).toMatchObject({ url: 's3://bucket@us-east-1/', credential: 'keys', indexedAt: null })
    expect(await admin().targets.show('s3')).toEqual(made)
    await admin().targets.remove('s3')
    expect((await gathered(admin().targets.list())).map(({ name }) => name)).toEqual(['nas'])
  })

  it('tells what reaches a target that is added, and refuses one whose role refuses', async () => {
    const credentials = { kind: 'shared', reason: 'no role', endpoint: null } as const
    world = await apiWorld({ credentialsOf: async () => credentials })
    await admin().secrets.put('keys', keys)
    const url = 's3://bucket@us-east-1/'
    expect(await admin().targets.create({ name: 's3', url, credential: 'keys' })).toMatchObject({
      credentials,
    })
    expect(await admin().targets.show('s3')).toMatchObject({ credentials })

    const refused = new TargetError('role-refused', 'role x may not be assumed', { hint: 'trust it' })
    world = await apiWorld({ credentialsOf: () => Promise.reject(refused) })
    await admin().secrets.put('keys', keys)
    await refusedUnchanged(() => admin().targets.create({ name: 's3', url, credential: 'keys' }), {
      status: 409,
      code: 'role-refused',
      hint: 'trust it',
    })
  })

  it('refuses one that is there, one without its secret, and a wrong address', async () => {
    const url = 'file:///other/'
    await refusedUnchanged(() => admin().targets.create({ name: 'nas', url }), {
      status: 409,
      code: 'exists',
    })
    await refusedUnchanged(() => admin().targets.create({ name: 'other', url, credential: 'keys' }), {
      status: 404,
      fields: [{ field: 'credential', message: 'names no secret' }],
    })
    for (const wrong of ['', 'nas', 'ftp://nas/', 'http://nas/', 's3://', 'file://'])
      await refusedUnchanged(() => admin().targets.create({ name: 'other', url: wrong }), {
        status: 400,
        fields: [expect.objectContaining({ field: 'url' })],
      })
  })

  it('refuses a second name for one store', async () => {
    await admin().secrets.put('keys', keys)
    await admin().secrets.put('other-keys', keys)
    await refusedUnchanged(() => admin().targets.create({ name: 'nas2', url: 'file:///backups' }), {
      status: 409,
      code: 'exists',
      fields: [{ field: 'url', message: "is target nas's" }],
    })
    const url = 's3://bucket@us-east-1/'
    await admin().targets.create({ name: 's3', url, credential: 'keys' })
    // Of another server, as far as can be told.
    await admin().targets.create({ name: 's3-too', url, credential: 'other-keys' })
  })

  it('refuses to forget one that is in use', async () => {
    await refusedUnchanged(() => admin().targets.remove('nas'), {
      status: 409,
      message: expect.stringContaining('primary/web'),
    })
    await operator().volumes.change('primary', 'web', { target: null })
    await admin().settings.put('default-backup-target', 'nas')
    await refusedUnchanged(() => admin().targets.remove('nas'), {
      status: 409,
      message: expect.stringContaining('default-backup-target'),
    })
    await admin().settings.reset('default-backup-target')
    await admin().targets.remove('nas')
    await refusedUnchanged(() => admin().targets.remove('nas'), { status: 404 })
  })

  it('forgets the backups of a target with it, and leaves them where they are', async () => {
    await backUp('old', 'first')
    await operator().targets.index('nas')
    const kept = world.storeOf({ name: 'nas' }).keys()
    await operator().volumes.change('primary', 'web', { target: null })
    await admin().targets.remove('nas')
    await admin().targets.create({ name: 'nas', url: 'file:///backups/' })
    expect(await gathered(operator().backups.listVolumes('nas'))).toEqual([])
    expect(await world.things.backups.get(catalogKeys.backup('nas', 'old', 'first'))).toBe(undefined)
    expect(world.storeOf({ name: 'nas' }).keys()).toEqual(kept)
  })

  it('forgets the rest when asked again after it was cut off', async () => {
    for (const backup of ['monday', 'tuesday']) await backUp('old', backup)
    await operator().targets.index('nas')
    await operator().volumes.change('primary', 'web', { target: null })
    const { backups } = world.things
    const { remove } = backups
    backups.remove = async (...asked) => {
      backups.remove = () => Promise.reject(new Error('killed'))
      return remove(...asked)
    }
    await expect(admin().targets.remove('nas')).rejects.toMatchObject({ status: 500 })
    backups.remove = remove
    expect(await admin().targets.show('nas')).toMatchObject({ name: 'nas' })
    await admin().targets.remove('nas')
    expect(await world.snapshotOfAll()).not.toMatch(/monday|tuesday/)
  })

  it('knows nothing of a new one, whatever a look wrote after another of its name was forgotten', async () => {
    await backUp('old', 'first')
    await operator().volumes.change('primary', 'web', { target: null })
    await admin().targets.remove('nas')
    const looked = { target: 'nas', store: world.storeOf({ name: 'nas' }) }
    await indexTarget({ catalog: world.things })(looked)
    await admin().targets.create({ name: 'nas', url: 'file:///other/' })
    const empty = { target: 'nas', store: memoryObjectStore({ clock: world.clock }) }
    const look = indexTarget({ catalog: world.things })(empty, { refusesEmpty: true })
    expect(await look).toMatchObject({ volumes: 0, removed: 0 })
  })

  const backUp = (volumeName: string, backupName: string) => {
    world.clock.advance(60_000)
    const { clock, ids, log } = world.deps
    const deps = { store: world.storeOf({ name: 'nas' }), clock, ids, log }
    return createBackup(deps)({
      volumeName,
      backupName,
      labels: {},
      source: memorySource(Buffer.alloc(4 * MiB, backupName)),
    })
  }

  it('looks at all of a target now, and then knows what it holds, newest first', async () => {
    await backUp('old', 'first')
    await backUp('old', 'second')
    expect(await operator().targets.index('nas')).toEqual({
      volumes: 1,
      backups: 2,
      written: 2,
      removed: 0,
      problems: [],
    })
    const backups = await gathered(operator().backups.list('nas', 'old'))
    expect(backups.map(({ name }) => name)).toEqual(['second', 'first'])
    expect(await operator().backups.showVolume('nas', 'old')).toMatchObject({ lastBackupName: 'second' })
    expect(await operator().backups.show('nas', 'old', 'first')).toMatchObject({ sizeBytes: 4 * MiB })
    expect(await operator().targets.show('nas')).toMatchObject({
      indexedAt: world.clock.now().toISOString(),
      failure: null,
    })
  })

  it('has others look at a target where they take looks, and says what it was before', async () => {
    const looks: string[] = []
    world = await apiWorld({
      askForLook: async (target) => {
        looks.push(target)
      },
      openTarget: () => Promise.reject(new Error('opened')),
    })
    const before = await operator().targets.show('nas')
    const { status, body } = await world.answer('/v1/targets/nas/index', {
      method: 'POST',
      token: world.tokens.operator,
    })
    expect({ status, body }).toEqual({ status: 202, body: before })
    expect(await operator().targets.index('nas')).toEqual(before)
    await expect(operator().targets.index('none')).rejects.toMatchObject({ status: 404 })
    expect(looks).toEqual(['nas', 'nas'])
  })

  it('says that it may come right when nobody could be asked to look', async () => {
    const notAsked = new BackupIndexError('not-asked', 'the bus is away', { hint: 'ask again' })
    world = await apiWorld({ askForLook: () => Promise.reject(notAsked) })
    await expect(operator().targets.index('nas')).rejects.toMatchObject({ status: 503, hint: 'ask again' })
  })

  it('says why a target cannot be looked at, in its answer and with the target', async () => {
    world = await apiWorld({
      openTarget: async () => {
        throw new TargetError('no-folder', 'the disk is away', { hint: 'bring it back' })
      },
    })
    await expect(operator().targets.index('nas')).rejects.toMatchObject({
      status: 503,
      code: 'unavailable',
      message: expect.stringContaining('the disk is away'),
      hint: 'bring it back',
    })
    expect(await operator().targets.show('nas')).toMatchObject({ failure: 'the disk is away' })
  })

  describe('secrets', () => {
    it('are kept for targets, and told to nobody', async () => {
      const answers = [
        await world.answer('/v1/secrets/keys', {
          method: 'PUT',
          token: world.tokens.admin,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(keys),
        }),
        await world.answer('/v1/secrets', { token: world.tokens.admin }),
        await world.answer('/v1/secrets/keys', { token: world.tokens.admin }),
      ]
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 404])
      expect(JSON.stringify(answers)).not.toContain(canary)
      expect(await world.deps.secrets.get('keys')).toEqual(keys)
      expect(await gathered(admin().secrets.list())).toEqual([{ name: 'keys' }])
    })

    it.each([
      { AWS_ACCESS_KEY_ID: canary },
      { AWS_SECRET_ACCESS_KEY: canary },
      { ...keys, AWS_ENDPOINTS: `${canary} nowhere` },
      { ...keys, AWS_IAM_ROLE_ARN: `arn:aws:iam::1:role/${canary}` },
      { ...keys, AWS_EXTERNAL_ID: canary },
      { AWS_IAM_ROLE_ARN: 'arn:aws:iam::123456789012:role/x', AWS_EXTERNAL_ID: `${canary}!` },
      { ...keys, AWS_CERT: canary },
      { ...keys, VIRTUAL_HOSTED_STYLE: canary },
      { ...keys, AWS_SECRET_ACCESS_KEY: `${canary}\n` },
      { ...keys, AWS_SECRET_ACCESS_KEY: [canary] },
      [canary],
    ])('are refused without a word of what is in them: %j', async (body) => {
      const before = await world.snapshotOfAll()
      const answer = await world.answer('/v1/secrets/keys', {
        method: 'PUT',
        token: world.tokens.admin,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      expect(answer).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
      expect(JSON.stringify([answer, world.logged])).not.toContain(canary)
      expect(await world.snapshotOfAll()).toBe(before)
    })

    it('are refused without a word of them when they are no JSON', async () => {
      const answer = await world.answer('/v1/secrets/keys', {
        method: 'PUT',
        token: world.tokens.admin,
        headers: { 'content-type': 'application/json' },
        body: canary,
      })
      expect(answer.status).toBe(400)
      expect(JSON.stringify([answer, world.logged])).not.toContain(canary)
    })

    it('may name a role to assume', async () => {
      const role = { AWS_IAM_ROLE_ARN: 'arn:aws:iam::123456789012:role/backups', AWS_EXTERNAL_ID: canary }
      await admin().secrets.put('role', role)
      expect(await world.deps.secrets.get('role')).toEqual(role)
    })

    it('go when no target uses them', async () => {
      await admin().secrets.put('keys', keys)
      await admin().targets.create({ name: 's3', url: 's3://bucket@us-east-1/', credential: 'keys' })
      await refusedUnchanged(() => admin().secrets.remove('keys'), { status: 409 })
      await admin().targets.remove('s3')
      await admin().secrets.remove('keys')
      expect(await gathered(admin().secrets.list())).toEqual([])
      await refusedUnchanged(() => admin().secrets.remove('keys'), { status: 404 })
    })
  })
})

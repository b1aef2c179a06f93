import { beforeEach, describe, expect, it } from 'vitest'
import { gathered } from '#lib/base/gathered.ts'
import { GiB } from '#lib/base/sizes.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { apiWorld, worldNode, type ApiWorld } from '#test/api-world.ts'

describe('requests with an idempotency key', () => {
  let world: ApiWorld
  beforeEach(async () => {
    world = await apiWorld()
  })
  const client = () => world.client('operator')
  const create = (idempotencyKey: string | undefined, more: object = {}) =>
    client().volumes.create({ cluster: 'primary', name: 'new', sizeBytes: GiB, ...more }, { idempotencyKey })
  const operations = () => gathered(client().operations.list())

  it('give the same operation when they are repeated, and one command', async () => {
    const first = await create('k')
    world.clock.advance(1000)
    expect(await create('k')).toEqual(first)
    expect(await operations()).toHaveLength(1)
    expect(world.commands('node-1')).toHaveLength(1)
  })

  it('give it also when it has ended meanwhile, and its volume is gone', async () => {
    const { id } = await create('k')
    await world.things.operations.change(
      catalogKeys.operation(id),
      (there) => there && { ...there, state: 'failed', endedAt: '2026-01-01T00:01:00Z' },
    )
    await world.things.volumes.remove(catalogKeys.volume('primary', 'new'))
    expect(await create('k')).toMatchObject({ id, state: 'failed' })
    expect(world.commands('node-1')).toHaveLength(1)
  })

  it('without a key make another each time', async () => {
    await client().snapshots.create('primary', 'web', {})
    await client().snapshots.create('primary', 'web', {})
    expect(await operations()).toHaveLength(2)
  })

  it('are refused when the key was for something else', async () => {
    await create('k')
    const before = await world.snapshotOfAll()
    for (const ask of [
      () => create('k', { sizeBytes: 2 * GiB }),
      () => client().volumes.detach('primary', 'web', { idempotencyKey: 'k' }),
      () => client().volumes.attach('primary', 'web', {}, { idempotencyKey: 'k' }),
    ])
      await expect(ask()).rejects.toMatchObject({
        status: 409,
        code: 'conflict',
        fields: [expect.objectContaining({ field: 'idempotency-key' })],
      })
    expect(await world.snapshotOfAll()).toBe(before)
  })

  it('are apart for each who asks', async () => {
    const ask = (role: 'operator' | 'admin') =>
      world.client(role).snapshots.create('primary', 'web', {}, { idempotencyKey: 'k' })
    const [one, other] = [await ask('operator'), await ask('admin')]
    expect(one.id).not.toBe(other.id)
  })

  it('that come twice at once make one volume', async () => {
    const [one, other] = await Promise.all([create('k'), create('k')])
    expect(one.id).toBe(other.id)
    expect(await operations()).toHaveLength(1)
    expect(world.deps.leasesOf?.('node-1').lend(10)).toHaveLength(1)
  })

  /** As after a crash: the request and the row are there, the operation is not, and no command was sent. */
  const forgetOperation = async (id: string) => {
    await world.things.operations.remove(catalogKeys.operation(id))
    const sentBefore = world.commands('node-1').length
    return { commands: () => world.commands('node-1').slice(sentBefore) }
  }

  it('go on where a crash ended them, on the node that was chosen then', async () => {
    const { id } = await create('k', { target: 'nas' })
    const row = await world.things.volumes.get(catalogKeys.volume('primary', 'new'))
    const after = await forgetOperation(id)
    world.clock.advance(60_000)
    await world.things.nodes.create(worldNode('node-2', 90 * GiB))
    expect(await create('k', { target: 'nas' })).toMatchObject({ id, node: 'node-1', state: 'queued' })
    expect(after.commands()).toHaveLength(1)
    expect(world.commands('node-2')).toEqual([])
    expect(await world.things.volumes.get(catalogKeys.volume('primary', 'new'))).toEqual(row)
  })

  it('go on so with restores', async () => {
    await world.things.backupVolumes.create({
      target: 'nas',
      name: 'old',
      sizeBytes: GiB,
      lastBackupName: 'one',
      lastBackupAt: '',
      createdAt: '',
    })
    await world.things.backups.create({
      target: 'nas',
      volume: 'old',
      name: 'one-1',
      snapshotName: '',
      snapshotCreatedAt: '2026-01-01T00:00:00Z',
      createdAt: '',
      sizeBytes: GiB,
      newlyUploadedBytes: 0,
      labels: {},
      isIncremental: false,
      obstacle: null,
    })
    const restore = () =>
      client().backups.restore(
        { target: 'nas', backupVolume: 'old', backup: 'one-1', cluster: 'primary', volume: 'again' },
        { idempotencyKey: 'k' },
      )
    const { id } = await restore()
    const after = await forgetOperation(id)
    expect(await restore()).toMatchObject({ id, kind: 'restore-backup' })
    expect(after.commands()).toHaveLength(1)
  })

  it('never take another’s volume for their own, when they were refused before', async () => {
    await create(undefined)
    world.clock.advance(1000)
    for (let time = 0; time < 2; time++)
      await expect(create('k', { sizeBytes: 2 * GiB })).rejects.toMatchObject({ status: 409, code: 'exists' })
    expect(await operations()).toHaveLength(1)
    expect(world.commands('node-1')).toHaveLength(1)
  })

  it('can be repeated when what was in the way is gone', async () => {
    world.clock.advance(3 * 60_000)
    await expect(create('k')).rejects.toMatchObject({ status: 409, code: 'conflict' })
    const now = world.clock.now().toISOString()
    await world.things.nodes.create(worldNode('node-2', GiB, now))
    expect(await create('k')).toMatchObject({ node: 'node-2', state: 'queued' })
  })
})

it('lists operations by their time, by their ids', async () => {
  const world = await apiWorld()
  const ids: string[] = []
  for (let time = 0; time < 3; time++) {
    ids.unshift((await world.client('operator').volumes.detach('primary', 'web')).id)
    world.clock.advance(1000)
  }
  expect(ids[2]).toMatch(/^20260101T000010Z_detach-volume_[0-9a-f]{16}$/)
  const listed = await gathered(world.client('viewer').operations.list())
  expect(listed.map(({ id }) => id)).toEqual(ids)
})

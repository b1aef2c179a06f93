import { beforeEach, describe, expect, it } from 'vitest'
import { gathered } from '#lib/base/gathered.ts'
import { apiWorld, type ApiWorld } from '#test/api-world.ts'
import { tokenHash } from '../routing.ts'

describe('settings over the API', () => {
  let world: ApiWorld
  beforeEach(async () => {
    world = await apiWorld()
  })
  const settings = () => world.client('admin').settings

  it('have defaults, are changed, and are put back', async () => {
    expect(await gathered(settings().list())).toEqual([
      { name: 'default-backup-target', value: null },
      { name: 'backupstore-poll-interval', value: 60 },
    ])
    expect(await settings().put('backupstore-poll-interval', 0)).toMatchObject({ value: 0 })
    expect(await settings().show('backupstore-poll-interval')).toMatchObject({ value: 0 })
    expect(await settings().reset('backupstore-poll-interval')).toMatchObject({ value: 60 })
    await settings().put('default-backup-target', 'nas')
    expect(await settings().put('default-backup-target', null)).toMatchObject({ value: null })
  })

  it.each([
    ['backupstore-poll-interval', -1, 400],
    ['backupstore-poll-interval', 1.5, 400],
    ['backupstore-poll-interval', '60', 400],
    ['backupstore-poll-interval', null, 400],
    ['backupstore-poll-interval', {}, 400],
    ['default-backup-target', 5, 400],
    ['default-backup-target', 'nowhere', 404],
    ['default-backup-target', '\ud800', 404],
    ['default-backup-target', 'x'.repeat(100_000), 404],
  ])('refuses %s = %j', async (name, value, status) => {
    const before = await world.snapshotOfAll()
    await expect(settings().put(name, value)).rejects.toMatchObject({
      status,
      fields: [expect.objectContaining({ field: 'value' })],
    })
    expect(await world.snapshotOfAll()).toBe(before)
  })

  it('of a name that is not known are refused, and those that are known are told', async () => {
    for (const name of ['nothing', 'toString', '__proto__'])
      await expect(settings().put(name, 1)).rejects.toMatchObject({
        status: 404,
        hint: expect.stringContaining('backupstore-poll-interval'),
      })
  })
})

describe('access tokens over the API', () => {
  let world: ApiWorld
  beforeEach(async () => {
    world = await apiWorld()
  })
  const tokens = () => world.client('admin').tokens

  it('are shown once, and their hash never', async () => {
    const { token, ...shown } = await tokens().create({ name: 'ci', role: 'operator' })
    expect(token).toMatch(/^drover_[A-Za-z0-9_-]{43}$/)
    expect(shown).toMatchObject({ name: 'ci', role: 'operator', expiresAt: null })
    const listed = await world.answer('/v1/tokens', { token: world.tokens.admin })
    expect(listed.body).toMatchObject({ items: expect.arrayContaining([shown]) })
    const text = JSON.stringify(listed)
    expect(text).not.toContain(token)
    expect(text).not.toContain(tokenHash(token))
    expect(await world.snapshotOfAll()).not.toContain(token)
    expect(await gathered(world.clientBy(token).volumes.list())).toHaveLength(1)
  })

  it('end with their deletion, at once', async () => {
    const { token, id } = await tokens().create({ name: 'ci', role: 'viewer' })
    await gathered(world.clientBy(token).volumes.list())
    await tokens().remove(id)
    await expect(gathered(world.clientBy(token).volumes.list())).rejects.toMatchObject({ status: 401 })
    await expect(tokens().remove(id)).rejects.toMatchObject({ status: 404 })
  })

  it('end with their time', async () => {
    const { token } = await tokens().create({ name: 'ci', role: 'viewer', expiresInSeconds: 60 })
    world.clock.advance(59_999)
    await gathered(world.clientBy(token).volumes.list())
    world.clock.advance(1)
    await expect(gathered(world.clientBy(token).volumes.list())).rejects.toMatchObject({ status: 401 })
  })

  it('of nodes are made by joining alone', async () => {
    for (const role of ['node', 'join'])
      await expect(
        world.requestBy(world.tokens.admin)('POST', '/v1/tokens', { body: { name: 'x', role } }),
      ).rejects.toMatchObject({ status: 400, fields: [expect.objectContaining({ field: 'role' })] })
  })
})

describe('object events over the API', () => {
  it('are handed on as they came', async () => {
    const world = await apiWorld()
    const event = { EventName: 's3:ObjectCreated:Put', Key: 'bucket/key' }
    await world.requestBy(world.tokens.operator)('POST', '/v1/object-events', { body: event })
    expect(world.objectEvents).toEqual([event])
  })
})

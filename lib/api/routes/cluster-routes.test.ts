import { beforeEach, describe, expect, it } from 'vitest'
import { gathered } from '#lib/base/gathered.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { apiWorld, worldNode, type ApiWorld } from '#test/api-world.ts'

describe('clusters and nodes over the API', () => {
  let world: ApiWorld
  beforeEach(async () => {
    world = await apiWorld()
  })
  const admin = () => world.client('admin')

  it('makes, shows, lists and deletes clusters', async () => {
    const made = await admin().clusters.create({ name: 'standby' })
    expect(made).toEqual({ name: 'standby', createdAt: world.clock.now().toISOString() })
    expect(await admin().clusters.show('standby')).toEqual(made)
    await admin().clusters.remove('standby')
    const left = await gathered(admin().clusters.list())
    expect(left.map(({ name }) => name)).toEqual(['primary'])
  })

  it('refuses a cluster of a name that is taken, and the deletion of one with nodes', async () => {
    const before = await world.snapshotOfAll()
    await expect(admin().clusters.create({ name: 'primary' })).rejects.toMatchObject({
      status: 409,
      code: 'exists',
    })
    await expect(admin().clusters.remove('primary')).rejects.toMatchObject({
      status: 409,
      code: 'conflict',
      hint: expect.stringContaining('drover node list'),
    })
    expect(await world.snapshotOfAll()).toBe(before)
  })

  it('lists the nodes of all, and of one cluster', async () => {
    await world.things.clusters.create({ name: 'standby', createdAt: '2026-01-01T00:00:00Z' })
    await world.things.nodes.create({ ...worldNode('node-2', 1), cluster: 'standby' })
    const namesOf = async (cluster?: string) =>
      (await gathered(admin().nodes.list({ cluster }))).map(({ name }) => name)
    expect(await namesOf()).toEqual(['node-1', 'node-2'])
    expect(await namesOf('standby')).toEqual(['node-2'])
    expect(await namesOf('nowhere')).toEqual([])
  })

  it('removes a node with its token and its queue, and not while it holds volumes', async () => {
    const asNode = () =>
      world.answer('/v1/node/commands/settle', {
        method: 'POST',
        token: world.tokens.node,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ taken: [], notTaken: [] }),
      })
    expect(await asNode()).toMatchObject({ status: 204 })
    await expect(admin().nodes.remove('node-1')).rejects.toMatchObject({ status: 409, code: 'conflict' })
    expect(await asNode()).toMatchObject({ status: 204 })

    await admin().volumes.detach('primary', 'web')
    expect(world.commands('node-1')).toHaveLength(1)
    await world.things.volumes.remove(catalogKeys.volume('primary', 'web'))
    await admin().nodes.remove('node-1')
    expect(await asNode()).toMatchObject({ status: 401 })
    expect(world.commands('node-1')).toEqual([])
    await expect(admin().nodes.remove('node-1')).rejects.toMatchObject({ status: 404 })
  })

  it('removes the queue of a node too whose removal was cut off, when asked again', async () => {
    let isAway = true
    const removed: string[] = []
    world = await apiWorld({
      removeQueue: async (node) => {
        if (isAway) throw new Error('cut off')
        removed.push(node)
      },
    })
    await world.things.volumes.remove(catalogKeys.volume('primary', 'web'))
    await expect(admin().nodes.remove('node-1')).rejects.toMatchObject({ status: 500 })
    isAway = false
    await admin().nodes.remove('node-1')
    expect(removed).toEqual(['node-1'])
    await expect(admin().nodes.show('node-1')).rejects.toMatchObject({ status: 404 })
  })

  it('makes a token with which one node joins, once', async () => {
    const { token, ...shown } = await admin().nodes.newJoinToken({ cluster: 'primary', expiresInSeconds: 60 })
    expect(shown).toMatchObject({ role: 'join', cluster: 'primary', expiresAt: '2026-01-01T00:01:10.000Z' })
    const join = (node: string) => world.requestBy(token)('POST', '/v1/nodes/join', { body: { node } })
    expect(await join('node-2')).toMatchObject({ node: 'node-2', cluster: 'primary' })
    await expect(join('node-3')).rejects.toMatchObject({ status: 401 })
    expect((await gathered(admin().nodes.list())).map(({ name }) => name)).toEqual(['node-1', 'node-2'])
  })

  it('lets a token to join with end, after a day if nothing else is said', async () => {
    const { token, expiresAt } = await admin().nodes.newJoinToken({ cluster: 'primary' })
    expect(expiresAt).toBe('2026-01-02T00:00:10.000Z')
    world.clock.advance(24 * 3600_000)
    await expect(
      world.requestBy(token)('POST', '/v1/nodes/join', { body: { node: 'node-2' } }),
    ).rejects.toMatchObject({ status: 401, code: 'unauthenticated' })
  })

  it('makes no token for a cluster that is not there', async () => {
    await expect(admin().nodes.newJoinToken({ cluster: 'nowhere' })).rejects.toMatchObject({ status: 404 })
  })
})

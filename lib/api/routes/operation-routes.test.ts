import { beforeEach, describe, expect, it } from 'vitest'
import { gathered } from '#lib/base/gathered.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Operation } from '#lib/operation/operation.ts'
import { apiWorld, type ApiWorld } from '#test/api-world.ts'
import { queuedOperation } from '#test/queued-operation.ts'

describe('operations over the API', () => {
  let world: ApiWorld
  const ended = { state: 'succeeded', endedAt: '2026-01-01T00:00:05Z' } as const
  beforeEach(async () => {
    world = await apiWorld()
    const all: Partial<Operation>[] = [
      { id: '1-web' },
      { id: '2-web', ...ended },
      { id: '3-db', volume: 'db', node: 'node-2' },
      { id: '4-web', cluster: 'standby', node: 'node-3' },
      { id: '5-db', volume: 'db', node: 'node-2', ...ended },
    ]
    for (const each of all) await world.things.operations.create({ ...queuedOperation, ...each })
  })
  const operations = () => world.client('operator').operations

  it.each([
    [{}, ['5-db', '4-web', '3-db', '2-web', '1-web']],
    [{ state: 'all', cluster: 'primary' }, ['5-db', '3-db', '2-web', '1-web']],
    [{ cluster: 'primary', volume: 'web' }, ['2-web', '1-web']],
    [{ state: 'open', cluster: 'primary', volume: 'web' }, ['1-web']],
    [{ state: 'open' }, ['1-web', '3-db', '4-web']],
    [{ state: 'open', node: 'node-2' }, ['3-db']],
    [{ state: 'open', cluster: 'standby' }, ['4-web']],
    [{ state: 'open', node: 'node-2', cluster: 'standby' }, []],
    [{ state: 'open', node: 'node-2', cluster: 'primary', volume: 'web' }, []],
  ] as const)('lists %j', async (query, expected) => {
    const idsOf = async (more: object) =>
      (await gathered(operations().list({ ...query, ...more }))).map(({ id }) => id)
    expect(await idsOf({})).toEqual(expected)
    expect(await idsOf({ limit: 1 })).toEqual(expected)
  })

  it.each([
    [{ volume: 'web' }, 'cluster'],
    [{ node: 'node-2' }, 'state'],
  ])('refuses %j, which needs more', async (query, field) => {
    await expect(gathered(operations().list(query))).rejects.toMatchObject({
      status: 400,
      fields: [expect.objectContaining({ field })],
    })
  })

  it('tells nothing of how commands are sent', async () => {
    const shown = await world.requestBy(world.tokens.viewer)('GET', '/v1/operations/1-web')
    expect(Object.keys(shown ?? {})).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(generation|attempt|sentAt|sequence)$/)]),
    )
  })

  it('asks a node for the end of an operation, once and again', async () => {
    for (let time = 0; time < 2; time++)
      expect(await operations().cancel('3-db')).toMatchObject({ state: 'queued', isCancelRequested: true })
    expect(world.commands('node-2')).toEqual(
      Array.from({ length: 2 }, () => expect.objectContaining({ command: 'cancel', operationId: '3-db' })),
    )
    expect(world.deps.leasesOf?.('node-2').lend(10)).toHaveLength(1)
  })

  it('changes nothing of one that has ended', async () => {
    const before = await world.snapshotOfAll()
    expect(await operations().cancel('5-db')).toMatchObject({ state: 'succeeded', isCancelRequested: false })
    expect(await world.snapshotOfAll()).toBe(before)
  })

  it('shows one by an id with any characters', async () => {
    const id = 'a/b#c d?é'
    await world.things.operations.create({ ...queuedOperation, id })
    expect(await operations().show(id)).toMatchObject({ id })
    expect(await operations().cancel(id)).toMatchObject({ id, isCancelRequested: true })
    expect(await world.things.operations.get(catalogKeys.operation(id))).toMatchObject({
      isCancelRequested: true,
    })
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import { gathered } from '#lib/base/gathered.ts'
import { GiB } from '#lib/base/sizes.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Volume } from '#lib/catalog/entities.ts'
import { apiWorld, worldNode, type ApiWorld } from '#test/api-world.ts'
import { storedVolume } from '#test/stored-volume.ts'

describe('volumes over the API', () => {
  let world: ApiWorld
  beforeEach(async () => {
    world = await apiWorld()
    await world.client('operator').jobs.put('daily', { task: 'backup', cron: '0 2 * * *', retain: 3 })
  })
  const volumes = () => world.client('operator').volumes
  const create = (more: Partial<Parameters<ReturnType<typeof volumes>['create']>[0]> = {}) =>
    volumes().create({ cluster: 'primary', name: 'new', sizeBytes: GiB, ...more })
  const rowOf = (name = 'new', cluster = 'primary') =>
    world.things.volumes.get(catalogKeys.volume(cluster, name))
  const setState = (state: Volume['state']) =>
    world.things.volumes.change(catalogKeys.volume('primary', 'web'), (there) => there && { ...there, state })
  const refusedUnchanged = async (asked: () => Promise<unknown>, problem: object) => {
    const before = await world.snapshotOfAll()
    await expect(asked()).rejects.toMatchObject(problem)
    expect(await world.snapshotOfAll()).toBe(before)
  }

  it('makes a volume: its row, its operation and the command for its node', async () => {
    const operation = await create({ blockSizeBytes: 16 * 2 ** 20, jobs: ['daily'], groups: ['databases'] })
    expect(operation).toMatchObject({
      kind: 'create-volume',
      state: 'queued',
      node: 'node-1',
      volume: 'new',
      parameters: { sizeBytes: GiB, blockSizeBytes: 16 * 2 ** 20 },
      cause: { kind: 'request', by: 'the operator' },
    })
    expect(await rowOf()).toMatchObject({
      state: 'creating',
      node: 'node-1',
      generation: 1,
      sizeBytes: GiB,
      jobs: ['daily'],
      groups: ['databases'],
      target: null,
    })
    expect(world.commands('node-1')).toMatchObject([
      { command: 'perform', operationId: operation.id, kind: 'create-volume', volume: 'new' },
    ])
    expect(await world.client('viewer').operations.show(operation.id)).toEqual(operation)
  })

  it('places it on the node with the most room of those that were heard from', async () => {
    await world.things.nodes.create(worldNode('node-2', 60 * GiB))
    await world.things.nodes.create(worldNode('node-3', 90 * GiB, '2025-12-31T23:58:00.000Z'))
    await world.things.nodes.create(worldNode('node-4', 90 * GiB, null))
    await world.things.nodes.create({
      ...worldNode('node-5', 95 * GiB),
      pool: { kind: 'copy', totalBytes: 100 * GiB, availableBytes: 95 * GiB, promisedBytes: 90 * GiB },
    })
    expect(await create()).toMatchObject({ node: 'node-2' })
    expect(await create({ name: 'other', node: 'node-3' })).toMatchObject({ node: 'node-3' })
  })

  it('refuses one that no node can take', async () => {
    world.clock.advance(3 * 60_000)
    await refusedUnchanged(() => create(), {
      status: 409,
      code: 'conflict',
      hint: expect.stringContaining('drover node list'),
    })
    await refusedUnchanged(() => create({ cluster: 'nowhere' }), { status: 404 })
    await refusedUnchanged(() => create({ node: 'nowhere' }), { status: 404 })
    await refusedUnchanged(() => create({ name: 'web', node: 'node-1' }), { status: 409, code: 'exists' })
    await refusedUnchanged(() => create({ node: 'node-1', target: 'nowhere' }), { status: 404 })
  })

  it('gives one of two simultaneous requests the name', async () => {
    const ends = await Promise.allSettled([create(), create({ sizeBytes: 2 * GiB })])
    expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(ends.find((end) => end.status === 'rejected')?.reason).toMatchObject({
      status: 409,
      code: 'exists',
    })
    expect(world.commands('node-1')).toHaveLength(1)
  })

  describe('where backups go', () => {
    it('is the default target, under the name of the volume', async () => {
      await world.client('admin').settings.put('default-backup-target', 'nas')
      await create()
      expect(await rowOf()).toMatchObject({ target: 'nas', backupVolume: 'new' })
      await create({ name: 'other', target: null })
      expect(await rowOf('other')).toMatchObject({ target: null, backupVolume: null })
    })

    it('is no backup volume that another volume writes to', async () => {
      await refusedUnchanged(() => create({ target: 'nas', backupVolume: 'web' }), {
        status: 409,
        code: 'conflict',
        message: expect.stringContaining('primary/web'),
        fields: [{ field: 'backupVolume', message: "is primary/web's" }],
      })
    })

    it('gets a random part where the name is another volume’s', async () => {
      await world.things.clusters.create({ name: 'standby', createdAt: '2026-01-01T00:00:00Z' })
      await world.things.nodes.create({ ...worldNode('node-2', GiB), cluster: 'standby' })
      await create({ cluster: 'standby', name: 'web', target: 'nas' })
      expect((await rowOf('web', 'standby'))?.backupVolume).toMatch(/^web-[0-9a-f]{8}$/)
    })

    it('gets a random part where backups of that name are, and takes them when told', async () => {
      const at = '2026-01-01T00:00:00Z'
      const old = { target: 'nas', sizeBytes: GiB, lastBackupName: '', lastBackupAt: '', createdAt: at }
      await world.things.backupVolumes.create({ ...old, name: 'new' })
      await world.things.backupVolumes.create({ ...old, name: 'Old' })
      await create({ target: 'nas' })
      expect((await rowOf())?.backupVolume).toMatch(/^new-[0-9a-f]{8}$/)
      await create({ name: 'heir', target: 'nas', backupVolume: 'new' })
      expect(await rowOf('heir')).toMatchObject({ backupVolume: 'new' })
      await create({ name: 'other', target: 'nas', backupVolume: 'Old' })
      expect(await rowOf('other')).toMatchObject({ backupVolume: 'Old' })
    })

    it('never begins a backup volume of a name that Longhorn hides', async () => {
      await create({ name: `Upper-${'x'.repeat(40)}`, target: 'nas' })
      expect((await rowOf(`Upper-${'x'.repeat(40)}`))?.backupVolume).toMatch(/^upper-x{25}-[0-9a-f]{8}$/)
      await refusedUnchanged(() => create({ target: 'nas', backupVolume: 'Upper' }), {
        status: 400,
        fields: [expect.objectContaining({ field: 'backupVolume' })],
      })
    })

    it('is one for each of two volumes that are made at once', async () => {
      await world.things.clusters.create({ name: 'standby', createdAt: '2026-01-01T00:00:00Z' })
      await world.things.nodes.create({ ...worldNode('node-2', GiB), cluster: 'standby' })
      await Promise.all([create({ target: 'nas' }), create({ cluster: 'standby', target: 'nas' })])
      const lines = [(await rowOf())?.backupVolume, (await rowOf('new', 'standby'))?.backupVolume]
      expect(new Set(lines).size).toBe(2)
      for (const line of lines) expect(line).toMatch(/^new/)
    })

    it('is given by name to one of two at most, and the others are as before', async () => {
      const line = { target: 'nas', backupVolume: 'wanted' }
      const ends = await Promise.allSettled([
        create(line),
        create({ ...line, name: 'other' }),
        volumes().change('primary', 'web', { ...line, jobs: ['daily'] }),
      ])
      const all = await gathered(volumes().list())
      expect(all.filter(({ backupVolume }) => backupVolume === 'wanted').length).toBeLessThanOrEqual(1)
      expect(all.filter(({ backupVolume }) => backupVolume === 'wanted').length).toBe(
        ends.filter(({ status }) => status === 'fulfilled').length,
      )
      for (const end of ends.filter(({ status }) => status === 'rejected'))
        expect(end).toMatchObject({ reason: { status: 409, code: 'conflict' } })
      expect(world.commands('node-1')).toHaveLength(all.length - 1)
      expect(all.find(({ name }) => name === 'web')?.backupVolume).toMatch(/^(web|wanted)$/)
    })

    it('takes targets of a name of one letter', async () => {
      await world.client('admin').targets.create({ name: 'a', url: 'file:///a/' })
      await volumes().change('primary', 'web', { target: 'a' })
      const { id } = await volumes().backUp('primary', 'web', {})
      expect(await world.client('viewer').operations.show(id)).toMatchObject({ parameters: { target: 'a' } })
    })

    it('names jobs that there are, and keeps those that were deleted since', async () => {
      const problem = {
        status: 404,
        message: 'there is no recurring job dayly',
        hint: 'see: drover job list',
      }
      await refusedUnchanged(() => create({ jobs: ['daily', 'dayly'] }), problem)
      const change = (jobs: string[]) => volumes().change('primary', 'web', { jobs })
      await refusedUnchanged(() => change(['daily', 'dayly']), problem)
      await change(['daily'])
      await world.client('operator').jobs.remove('daily')
      expect(await change(['daily'])).toMatchObject({ jobs: ['daily'] })
      await refusedUnchanged(() => change(['daily', 'dayly']), problem)
    })

    it('changes, with jobs and groups, and what is left out stays', async () => {
      await world.client('admin').targets.create({ name: 'other', url: 'file:///other/' })
      await volumes().change('primary', 'web', { jobs: ['daily'], groups: ['databases'] })
      expect(await volumes().change('primary', 'web', { target: 'other' })).toMatchObject({
        target: 'other',
        backupVolume: 'web',
        jobs: ['daily'],
        groups: ['databases'],
      })
      expect(await volumes().change('primary', 'web', { jobs: [] })).toMatchObject({
        target: 'other',
        jobs: [],
        groups: ['databases'],
      })
      expect(await volumes().change('primary', 'web', { target: null })).toMatchObject({
        target: null,
        backupVolume: null,
      })
      await refusedUnchanged(() => volumes().change('primary', 'web', { backupVolume: 'mine' }), {
        status: 400,
        fields: [{ field: 'target', message: 'is missing' }],
      })
      await refusedUnchanged(() => volumes().change('primary', 'web', { target: 'nowhere' }), { status: 404 })
    })

    it('stays where it is when the same target is named again', async () => {
      await volumes().change('primary', 'web', { target: 'nas', backupVolume: 'mine' })
      expect(await volumes().change('primary', 'web', { target: 'nas' })).toMatchObject({
        backupVolume: 'mine',
      })
    })
  })

  it.each([
    [
      'attach-volume',
      () => volumes().attach('primary', 'web', { isMaintenance: true }),
      { isMaintenance: true },
    ],
    ['detach-volume', () => volumes().detach('primary', 'web'), {}],
    [
      'expand-volume',
      () => volumes().expand('primary', 'web', { sizeBytes: 2 * GiB }),
      { sizeBytes: 2 * GiB },
    ],
    [
      'revert-volume',
      () => volumes().revert('primary', 'web', { snapshot: 'snap-one' }),
      { snapshot: 'snap-one' },
    ],
  ])('sends %s to its node, and not of a volume on its way', async (kind, ask, parameters) => {
    expect(await ask()).toMatchObject({ kind, parameters, volume: 'web', node: 'node-1', state: 'queued' })
    expect(world.commands('node-1')).toMatchObject([{ kind, parameters, generation: 1 }])
    for (const state of ['creating', 'restoring', 'deleting', 'damaged', 'missing'] as const) {
      await setState(state)
      await refusedUnchanged(ask, {
        status: 409,
        code: 'conflict',
        message: expect.stringContaining(state),
        hint: expect.stringMatching(/pool status|wait/),
      })
    }
  })

  it('never shrinks a volume, and reverts to a snapshot that is there', async () => {
    await refusedUnchanged(() => volumes().expand('primary', 'web', { sizeBytes: GiB - 1 }), {
      status: 400,
      fields: [{ field: 'sizeBytes', message: expect.any(String) }],
    })
    await refusedUnchanged(() => volumes().revert('primary', 'web', { snapshot: 'nothing' }), { status: 404 })
  })

  it('deletes a volume that is not attached', async () => {
    await refusedUnchanged(() => volumes().remove('primary', 'web'), {
      status: 409,
      hint: expect.stringContaining('drover volume detach'),
    })
    await setState('detached')
    expect(await volumes().remove('primary', 'web')).toMatchObject({ kind: 'delete-volume' })
    expect(await rowOf('web')).toMatchObject({ state: 'deleting' })
  })

  it('lists volumes of all, and of one cluster, page by page', async () => {
    for (const name of ['a1', 'a2', 'a3'])
      await world.things.volumes.create({ ...storedVolume, cluster: 'primary-2', name })
    const namesOf = async (query: object) =>
      (await gathered(volumes().list(query))).map(({ cluster, name }) => `${cluster}/${name}`)
    const all = ['primary-2/a1', 'primary-2/a2', 'primary-2/a3', 'primary/web']
    expect((await namesOf({})).toSorted()).toEqual(all)
    expect((await namesOf({ limit: 1 })).toSorted()).toEqual(all)
    expect(await namesOf({ cluster: 'primary' })).toEqual(['primary/web'])
  })
})

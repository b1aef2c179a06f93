import { beforeEach, describe, expect, it } from 'vitest'
import { gathered } from '#lib/base/gathered.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Volume } from '#lib/catalog/entities.ts'
import { apiWorld, worldSnapshot, type ApiWorld } from '#test/api-world.ts'

describe('snapshots and new backups over the API', () => {
  let world: ApiWorld
  beforeEach(async () => {
    world = await apiWorld()
  })
  const snapshots = () => world.client('operator').snapshots
  const volumes = () => world.client('operator').volumes
  const change = (more: Partial<Volume>) =>
    world.things.volumes.change(
      catalogKeys.volume('primary', 'web'),
      (there) => there && { ...there, ...more },
    )
  const refusedUnchanged = async (asked: () => Promise<unknown>, problem: object) => {
    const before = await world.snapshotOfAll()
    await expect(asked()).rejects.toMatchObject(problem)
    expect(await world.snapshotOfAll()).toBe(before)
  }

  it('lists those of the volume alone', async () => {
    await world.things.snapshots.create({ ...worldSnapshot, volume: 'web-2' })
    expect(await gathered(snapshots().list('primary', 'web'))).toEqual([worldSnapshot])
  })

  it('takes one under the name given, or one of its own', async () => {
    const labels = { by: 'hand' }
    expect(await snapshots().create('primary', 'web', { name: 'before', labels })).toMatchObject({
      kind: 'create-snapshot',
      parameters: { snapshot: 'before', labels, onlyIfWritten: false },
    })
    expect(await snapshots().create('primary', 'web', {})).toMatchObject({
      parameters: { snapshot: expect.stringMatching(/^snap-[0-9a-f]{16}$/), labels: {} },
    })
    expect(world.commands('node-1')).toHaveLength(2)
  })

  it('deletes one that is there', async () => {
    expect(await snapshots().remove('primary', 'web', 'snap-one')).toMatchObject({
      kind: 'delete-snapshot',
      parameters: { snapshot: 'snap-one' },
    })
    await refusedUnchanged(() => snapshots().remove('primary', 'web', 'nothing'), { status: 404 })
  })

  it('backs up to the target of the volume', async () => {
    expect(await volumes().backUp('primary', 'web', { snapshot: 'snap-one', isFull: true })).toMatchObject({
      kind: 'create-backup',
      parameters: {
        target: 'nas',
        backupVolume: 'web',
        backup: expect.stringMatching(/^backup-[0-9a-f]{16}$/),
        lock: expect.stringMatching(/^lock-[0-9a-f]{16}$/),
        snapshot: 'snap-one',
        isFull: true,
      },
    })
    const { parameters } = await volumes().backUp('primary', 'web', { name: 'mine' })
    expect(parameters).toMatchObject({ backup: 'mine' })
    expect(parameters).not.toHaveProperty('snapshot')
  })

  it('refuses a backup without a target, or of a snapshot that is not there', async () => {
    await refusedUnchanged(() => volumes().backUp('primary', 'web', { snapshot: 'nothing' }), { status: 404 })
    await change({ target: null, backupVolume: null })
    await refusedUnchanged(() => volumes().backUp('primary', 'web', {}), {
      status: 409,
      code: 'conflict',
      hint: expect.stringContaining('--target'),
    })
  })

  it.each(['creating', 'deleting', 'missing'] as const)(
    'refuses all of a volume that is %s',
    async (state) => {
      await change({ state })
      for (const ask of [
        () => snapshots().create('primary', 'web', {}),
        () => snapshots().remove('primary', 'web', 'snap-one'),
        () => volumes().backUp('primary', 'web', {}),
      ])
        await refusedUnchanged(ask, { status: 409, message: expect.stringContaining(state) })
    },
  )

  it('refuses labels that would not fit in a command', async () => {
    const labels = { much: 'x'.repeat(17_000) }
    for (const ask of [
      () => snapshots().create('primary', 'web', { labels }),
      () => volumes().backUp('primary', 'web', { labels }),
    ])
      await refusedUnchanged(ask, { status: 400, fields: [expect.objectContaining({ field: 'labels' })] })
  })
})

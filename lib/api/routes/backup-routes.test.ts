import { beforeEach, describe, expect, it } from 'vitest'
import { gathered } from '#lib/base/gathered.ts'
import { GiB, MiB } from '#lib/base/sizes.ts'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Backup } from '#lib/catalog/entities.ts'
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import { apiWorld, worldNode, type ApiWorld } from '#test/api-world.ts'

const backup: Backup = {
  target: 'nas',
  volume: 'old',
  name: 'backup-1',
  snapshotName: 'snap-1',
  snapshotCreatedAt: '2026-01-01T00:01:00Z',
  createdAt: '2026-01-01T00:01:00Z',
  sizeBytes: GiB,
  newlyUploadedBytes: MiB,
  labels: {},
  isIncremental: false,
  obstacle: null,
}

describe('backups over the API', () => {
  let world: ApiWorld
  beforeEach(async () => {
    world = await apiWorld()
    await world.things.backupVolumes.create({
      target: 'nas',
      name: 'old',
      sizeBytes: 2 * GiB,
      lastBackupName: 'backup-3',
      lastBackupAt: '2026-01-01T00:03:00Z',
      createdAt: '2026-01-01T00:00:00Z',
    })
    await world.things.backups.create(backup)
    // By its name it would come first.
    await world.things.backups.create({ ...backup, name: 'a-2', snapshotCreatedAt: '2026-01-01T00:02:00Z' })
    await world.things.backups.create({
      ...backup,
      name: 'backup-3',
      snapshotCreatedAt: '2026-01-01T00:03:00Z',
      obstacle: 'it is encrypted',
    })
  })
  const backups = () => world.client('operator').backups
  const restore = (more: object = {}) =>
    backups().restore({
      target: 'nas',
      backupVolume: 'old',
      backup: 'backup-1',
      cluster: 'primary',
      volume: 'again',
      ...more,
    })
  const refusedUnchanged = async (asked: () => Promise<unknown>, problem: object) => {
    const before = await world.snapshotOfAll()
    await expect(asked()).rejects.toMatchObject(problem)
    expect(await world.snapshotOfAll()).toBe(before)
  }

  it('lists them newest first, page by page', async () => {
    const names: string[] = []
    let cursor: string | undefined
    do {
      const page = await world.requestBy(world.tokens.viewer)('GET', '/v1/targets/nas/volumes/old/backups', {
        query: { limit: 1, cursor },
      })
      const { items, next } = page as { items: Backup[]; next?: string }
      expect(items).toHaveLength(1)
      names.push(...items.map(({ name }) => name))
      cursor = next
    } while (cursor !== undefined)
    expect(names).toEqual(['backup-3', 'a-2', 'backup-1'])
    expect((await gathered(backups().listVolumes('nas'))).map(({ name }) => name)).toEqual(['old'])
  })

  it.each([
    [
      'delete-backup',
      () => backups().remove('nas', 'old', 'backup-1'),
      { backup: 'backup-1', lock: expect.any(String) },
    ],
    ['verify-backup', () => backups().verify('nas', 'old', 'backup-1'), { backup: 'backup-1' }],
    ['collect-blocks', () => backups().collect('nas', 'old'), { lock: expect.any(String) }],
  ])('gives %s to the control plane’s own worker', async (kind, ask, more) => {
    const parameters = { target: 'nas', backupVolume: 'old', ...more }
    expect(await ask()).toMatchObject({ kind, node: controlPlaneNode, state: 'queued', parameters })
    expect(world.commands(controlPlaneNode)).toMatchObject([{ kind, parameters }])
    expect(world.commands('node-1')).toEqual([])
  })

  it('restores to a new volume, as large as the backup and its volume', async () => {
    const operation = await restore({ isSalvage: true })
    expect(operation).toMatchObject({
      kind: 'restore-backup',
      node: 'node-1',
      volume: 'again',
      parameters: { target: 'nas', backupVolume: 'old', backup: 'backup-1', isSalvage: true },
    })
    expect(await world.things.volumes.get(catalogKeys.volume('primary', 'again'))).toMatchObject({
      state: 'restoring',
      sizeBytes: 2 * GiB,
      target: null,
      backupVolume: null,
    })
    expect(world.commands('node-1')).toMatchObject([{ operationId: operation.id, kind: 'restore-backup' }])
  })

  it('restores in another cluster, on the node that is named', async () => {
    await world.things.clusters.create({ name: 'standby', createdAt: '2026-01-01T00:00:00Z' })
    await world.things.nodes.create({ ...worldNode('node-2', GiB), cluster: 'standby' })
    expect(await restore({ cluster: 'standby', node: 'node-2', volume: 'web' })).toMatchObject({
      cluster: 'standby',
      node: 'node-2',
    })
  })

  it('refuses what cannot be restored, or not there', async () => {
    await refusedUnchanged(() => restore({ backup: 'backup-3' }), {
      status: 409,
      message: expect.stringContaining('it is encrypted'),
    })
    await refusedUnchanged(() => restore({ volume: 'web' }), { status: 409, code: 'exists' })
    for (const more of [
      { target: 'nowhere' },
      { backupVolume: 'nothing' },
      { backup: 'nothing' },
      { cluster: 'nowhere' },
      { node: 'nowhere' },
    ])
      await refusedUnchanged(() => restore(more), { status: 404, code: 'not-found' })
    world.clock.advance(3 * 60_000)
    await refusedUnchanged(() => restore(), { status: 409, code: 'conflict' })
  })
})

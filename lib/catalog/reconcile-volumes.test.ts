import { beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '#lib/base/log.ts'
import type { Operation } from '#lib/operation/operation.ts'
import { queuedOperation } from '#test/queued-operation.ts'
import { storedVolume } from '#test/stored-volume.ts'
import { catalogKeys } from './catalog-keys.ts'
import { catalog, type Catalog } from './catalog.ts'
import type { Volume } from './entities.ts'
import { memoryItemStore } from './memory-item-store.ts'
import { reconcileVolumes } from './reconcile-volumes.ts'

const createdAt = '2026-01-01T00:00:00Z'
const minutesLater = (minutes: number) => new Date(Date.parse(createdAt) + minutes * 60_000)

const restore: Operation<'restore-backup'> = {
  ...queuedOperation,
  kind: 'restore-backup',
  parameters: { target: 'store', backupVolume: 'web', backup: 'backup-1', isSalvage: false },
}

describe('reconcileVolumes', () => {
  let things: Catalog
  beforeEach(() => {
    things = catalog(memoryItemStore())
  })

  const after = async (
    state: Volume['state'],
    minutes: number,
    operation?: Operation,
  ): Promise<Volume['state'] | undefined> => {
    await things.volumes.create({ ...storedVolume, state, createdAt })
    if (operation) await things.operations.create(operation)
    const deps = { catalog: things, clock: { now: () => minutesLater(minutes) }, log: silentLog }
    await reconcileVolumes(deps)()
    return (await things.volumes.get(catalogKeys.volume('primary', 'web')))?.state
  }

  it.each<Volume['state']>(['creating', 'restoring', 'deleting'])(
    'waits a while for the operation of a volume that is %s',
    async (state) => {
      expect(await after(state, 4)).toBe(state)
    },
  )

  it.each<Volume['state']>(['creating', 'restoring'])(
    'removes a volume that is %s by no operation',
    async (state) => {
      expect(await after(state, 6)).toBeUndefined()
    },
  )

  it('takes back a deletion that no operation does', async () => {
    expect(await after('deleting', 6)).toBe('detached')
  })

  it('leaves one alone whose operation is under way, for however long', async () => {
    expect(await after('restoring', 600, { ...restore, state: 'running' })).toBe('restoring')
  })

  it('keeps a volume whose restore succeeded, when only that was not written down', async () => {
    const done = { ...restore, state: 'succeeded', result: { sizeBytes: 4096 } } as const
    expect(await after('restoring', 600, { ...done, endedAt: minutesLater(500).toISOString() })).toBe(
      'detached',
    )
  })

  it.each<Volume['state']>(['attached', 'detached', 'damaged', 'missing'])(
    'never touches a volume that is %s',
    async (state) => {
      expect(await after(state, 600)).toBe(state)
    },
  )
})

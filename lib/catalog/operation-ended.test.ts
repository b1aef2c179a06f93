import { beforeEach, describe, expect, it } from 'vitest'
import type { Operation } from '#lib/operation/operation.ts'
import type { OperationKind } from '#lib/operation/operation-kinds.ts'
import { queuedOperation } from '#test/queued-operation.ts'
import { storedVolume } from '#test/stored-volume.ts'
import { catalogKeys } from './catalog-keys.ts'
import { catalog, type Catalog } from './catalog.ts'
import type { Volume } from './entities.ts'
import { memoryItemStore } from './memory-item-store.ts'
import { recordVolumeOutcome } from './operation-ended.ts'

const parameters: Partial<Record<OperationKind, Operation['parameters']>> = {
  'create-volume': { sizeBytes: 2 ** 30 },
  'expand-volume': { sizeBytes: 2 ** 31 },
  'attach-volume': { isMaintenance: false },
  'restore-backup': { target: 'nas', backupVolume: 'web', backup: 'b1', isSalvage: false },
  'verify-backup': { target: 'nas', backupVolume: 'web', backup: 'b1' },
}
const ended = (kind: OperationKind, state: Operation['state'], more: Partial<Operation> = {}): Operation => ({
  ...queuedOperation,
  kind,
  parameters: parameters[kind] ?? {},
  state,
  createdAt: '2026-01-02T00:00:00Z',
  endedAt: '2026-01-02T00:01:00.000Z',
  ...more,
})
const succeeded = (kind: OperationKind, result: Operation['result'] = {}, more: Partial<Operation> = {}) =>
  ended(kind, 'succeeded', { result, ...more })

describe('the end of an operation', () => {
  let things: Catalog
  beforeEach(() => {
    things = catalog(memoryItemStore())
  })
  const row = () => things.volumes.get(catalogKeys.volume('primary', 'web'))
  const addSnapshot = (volume: string) =>
    things.snapshots.create({
      cluster: 'primary',
      volume,
      name: 'snap-1',
      parent: null,
      createdAt: '2026-01-01T00:00:00Z',
      isUserCreated: true,
      labels: {},
      sizeBytes: 0,
      consistency: 'filesystem',
    })
  const snapshotsOf = async (volume: string) => {
    const { partition } = catalogKeys.snapshot('primary', volume, '')
    return (await things.snapshots.list({ partition })).values.length
  }
  /** Twice: the second changes nothing. */
  const after = async (before: Partial<Volume>, operation: Operation): Promise<Volume | undefined> => {
    await things.volumes.create({ ...storedVolume, ...before })
    await recordVolumeOutcome({ catalog: things })(operation)
    const once = await row()
    await recordVolumeOutcome({ catalog: things })(operation)
    expect(await row()).toEqual(once)
    return once
  }

  it.each(['create-volume', 'restore-backup'] as const)(
    'keeps the row of a volume whose %s was lost sight of: its node may have made it',
    async (kind) => {
      const state = kind === 'create-volume' ? 'creating' : 'restoring'
      const lost = ended(kind, 'failed', { failure: { code: 'lost', message: 'silent' } })
      expect(await after({ state, jobs: ['daily'] }, lost)).toMatchObject({
        state: 'missing',
        jobs: ['daily'],
      })
    },
  )

  it.each([
    ['create-volume', 'failed', 'creating'],
    ['create-volume', 'cancelled', 'creating'],
    ['restore-backup', 'failed', 'restoring'],
    ['restore-backup', 'cancelled', 'restoring'],
  ] as const)('takes the volume of a %s that %s out', async (kind, state, before) => {
    expect(await after({ state: before }, ended(kind, state))).toBe(undefined)
  })

  it.each([
    ['is there by now', { state: 'detached' }],
    ['is attached by now', { state: 'attached', path: '/dev/loop1' }],
    ['was placed anew', { state: 'creating', generation: 2 }],
    ['is on another node', { state: 'creating', node: 'node-2' }],
    ['is another of its name', { state: 'creating', createdAt: '2026-01-02T00:00:01Z' }],
  ] as const)('leaves a volume that %s, when its making failed', async (_, before) => {
    expect(await after(before, ended('create-volume', 'failed'))).toMatchObject(before)
    const sizeBytes = 5
    expect(await after(before, succeeded('create-volume', { sizeBytes }))).toMatchObject({
      ...before,
      sizeBytes: 2 ** 30,
    })
  })

  it.each([
    ['create-volume', 'creating'],
    ['restore-backup', 'restoring'],
  ] as const)('of a %s makes the volume detached, of the size it has', async (kind, state) => {
    const operation = succeeded(kind, { sizeBytes: 2 ** 31 })
    expect(await after({ state }, operation)).toMatchObject({ state: 'detached', sizeBytes: 2 ** 31 })
  })

  it('of a delete-volume takes it out with its snapshots, and no others', async () => {
    await addSnapshot('web')
    await addSnapshot('web-2')
    expect(await after({ state: 'deleting' }, succeeded('delete-volume'))).toBe(undefined)
    expect([await snapshotsOf('web'), await snapshotsOf('web-2')]).toEqual([0, 1])
  })

  it('of a delete-volume leaves one that was placed anew, or is another of its name', async () => {
    await addSnapshot('web')
    expect(await after({ generation: 2 }, succeeded('delete-volume'))).toBeDefined()
    const ago = { createdAt: '2025-12-31T23:59:59Z' }
    expect(await after({}, succeeded('delete-volume', {}, { ...ago, generation: 2 }))).toBeDefined()
    expect(await snapshotsOf('web')).toBe(1)
  })

  it.each([
    ['failed', null, 'detached'],
    ['cancelled', null, 'detached'],
    // An attach came before it, as its node has told.
    ['failed', '/dev/loop1', 'attached'],
    ['cancelled', '/dev/loop1', 'attached'],
  ] as const)('of a delete-volume that %s gives it back, with path %s %s', async (state, path, given) => {
    const operation = ended('delete-volume', state)
    expect(await after({ state: 'deleting', path }, operation)).toMatchObject({ state: given, path })
  })

  it('tells where a volume is attached, and that it is not', async () => {
    const attached = { frontend: 'block', path: '/dev/loop7' }
    expect(await after({}, succeeded('attach-volume', attached))).toMatchObject({
      state: 'attached',
      path: '/dev/loop7',
    })
    expect(await after({}, succeeded('detach-volume'))).toMatchObject({ state: 'detached', path: null })
    const maintenance = { frontend: 'none', path: null }
    expect(await after({}, succeeded('attach-volume', maintenance))).toMatchObject({
      state: 'attached',
      path: null,
    })
  })

  it('told again undoes nothing that a later operation did', async () => {
    const attach = succeeded('attach-volume', { path: '/dev/loop7' }, { id: 'op-1' })
    const detach = succeeded('detach-volume', {}, { id: 'op-2', endedAt: '2026-01-02T00:02:00Z' })
    for (const operation of [attach, detach]) await things.operations.create(operation)
    expect(await after({}, attach)).toMatchObject({ state: 'detached' })
    expect(await after({ state: 'attached' }, detach)).toMatchObject({ state: 'detached' })
    expect(await after({}, attach)).toMatchObject({ state: 'detached' })
  })

  it.each(['attach-volume', 'detach-volume'] as const)('of a %s leaves what is deleted', async (kind) => {
    expect(await after({ state: 'deleting' }, succeeded(kind))).toMatchObject({ state: 'deleting' })
  })

  it('of an expand-volume makes it larger, never smaller', async () => {
    expect(await after({}, succeeded('expand-volume', { sizeBytes: 2 ** 31 }))).toMatchObject({
      sizeBytes: 2 ** 31,
    })
    const smaller = succeeded('expand-volume', { sizeBytes: 2 ** 20 })
    expect(await after({}, smaller)).toMatchObject({ sizeBytes: 2 ** 31 })
  })

  it.each([
    ['failed', ended('attach-volume', 'failed')],
    ['failed', ended('detach-volume', 'failed')],
    ['failed', ended('expand-volume', 'failed')],
    ['not ended', { ...ended('attach-volume', 'running'), endedAt: null }],
    ['of another kind', succeeded('verify-backup')],
    ['without a readable result', succeeded('expand-volume', { sizeBytes: 'large' })],
  ])('changes nothing of a volume, being %s', async (_, operation) => {
    expect(await after({}, operation)).toEqual(storedVolume)
  })

  it('of a volume that is gone is nothing', async () => {
    await recordVolumeOutcome({ catalog: things })(succeeded('attach-volume'))
    expect(await row()).toBe(undefined)
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import { controlPlaneNode } from '#lib/operation/control-plane-node.ts'
import type { Operation } from '#lib/operation/operation.ts'
import { queuedOperation } from '#test/queued-operation.ts'
import { storedVolume } from '#test/stored-volume.ts'
import { beginOperation } from './begin-operation.ts'
import { catalog, type Catalog } from './catalog.ts'
import type { Volume } from './entities.ts'
import { memoryItemStore } from './memory-item-store.ts'

describe('beginOperation', () => {
  let things: Catalog
  beforeEach(() => {
    things = catalog(memoryItemStore())
  })

  const asked = async (
    operation: Partial<Operation> | undefined,
    volume: Partial<Volume> | undefined = {},
    node = 'node-1',
  ) => {
    if (operation) await things.operations.create({ ...queuedOperation, ...operation })
    if (volume) await things.volumes.create({ ...storedVolume, ...volume })
    return beginOperation({ catalog: things })('op-1', node)
  }
  const none = undefined
  const notCurrent = (reason: string) => ({ kind: 'not-current', reason })

  it('lets one go that is queued, or that its worker had begun', async () => {
    expect(await asked({})).toMatchObject({ permission: { kind: 'go' }, operation: { id: 'op-1' } })
    things = catalog(memoryItemStore())
    expect((await asked({ state: 'running' })).permission).toEqual({ kind: 'go' })
  })

  it('tells nothing of an unknown one, or one of another node', async () => {
    expect(await asked(none)).toEqual({
      permission: notCurrent('there is no such operation any more'),
      operation: undefined,
    })
    expect(await asked({}, none, 'node-2')).toEqual({
      permission: notCurrent('it is for node node-1'),
      operation: undefined,
    })
  })

  it.each<[string, Partial<Operation>, Partial<Volume>, string]>([
    ['has ended', { state: 'failed' }, {}, 'it has ended: failed'],
    [
      'ended when it was cancelled',
      { state: 'cancelled', isCancelRequested: true },
      {},
      'it has ended: cancelled',
    ],
    ['is of a volume that moved', {}, { node: 'b' }, 'volume web is on node b now'],
    [
      'is of an earlier placement',
      {},
      { generation: 2 },
      'volume web was placed anew since it was asked for',
    ],
    ['is of a volume that is gone', {}, { name: 'db' }, 'there is no volume web any more'],
    [
      'makes a volume that is made elsewhere',
      { kind: 'create-volume' },
      { node: 'b' },
      'volume web is on node b now',
    ],
  ])('stops one that %s', async (_, operation, volume, reason) => {
    expect((await asked(operation, volume)).permission).toEqual(notCurrent(reason))
  })

  it('tells that one is cancelled', async () => {
    expect((await asked({ isCancelRequested: true })).permission).toEqual({ kind: 'cancelled' })
  })

  it('lets one make a volume, and the control plane work without one', async () => {
    expect((await asked({ kind: 'create-volume' }, { name: 'db' })).permission).toEqual({ kind: 'go' })
    things = catalog(memoryItemStore())
    const own = await asked({ node: controlPlaneNode }, { name: 'db' }, controlPlaneNode)
    expect(own.permission).toEqual({ kind: 'go' })
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import { gathered } from '#lib/base/gathered.ts'
import { silentLog } from '#lib/base/log.ts'
import { queuedOperation } from '#test/queued-operation.ts'
import { storedVolume } from '#test/stored-volume.ts'
import type { HeldSnapshot, HeldVolume } from './apply-inventory.ts'
import { catalogKeys } from './catalog-keys.ts'
import { catalog, type Catalog } from './catalog.ts'
import type { Node, Volume } from './entities.ts'
import type { ItemStore } from './item-store.ts'
import { memoryItemStore } from './memory-item-store.ts'
import { recordHeartbeat, type NodeHeartbeat } from './record-heartbeat.ts'

const now = new Date('2026-01-01T00:10:00Z')
const heardAt = now.toISOString()
const node: Node = {
  name: 'node-1',
  cluster: 'primary',
  joinedAt: '2026-01-01T00:00:00Z',
  heardAt: null,
  version: null,
  pool: null,
  inventory: null,
}
const pool = { kind: 'copy', totalBytes: 100, availableBytes: 50, promisedBytes: 10 }
const snapshot: HeldSnapshot = {
  name: 'daily',
  parent: null,
  createdAt: '2026-01-01T00:01:00Z',
  isUserCreated: true,
  labels: { job: 'daily' },
  sizeBytes: 2 ** 30,
  consistency: 'filesystem',
}
const web: HeldVolume = {
  name: 'web',
  sizeBytes: 2 ** 30,
  actualSizeBytes: 4096,
  state: 'attached',
  path: '/dev/loop1',
  createdAt: '2026-01-01T00:00:30Z',
  snapshots: [snapshot],
}

describe('recordHeartbeat', () => {
  let store: ItemStore
  let things: Catalog
  let writes: string[]
  let warnings: unknown[]
  let number = 0

  beforeEach(async () => {
    const kept = memoryItemStore()
    writes = []
    warnings = []
    number = 0
    store = {
      ...kept,
      put: async (item, expected) => {
        writes.push(item.key.partition.split('#')[0] ?? '')
        return kept.put(item, expected)
      },
    }
    things = catalog(store)
    await things.nodes.create(node)
  })

  const log = { ...silentLog, warn: (event: string, fields?: object) => warnings.push([event, fields]) }
  const beat = (more: Partial<NodeHeartbeat> = {}, of = 'node-1') =>
    recordHeartbeat({ catalog: things, clock: { now: () => now }, log })(of, {
      version: '1.2.3',
      pool,
      running: [],
      ...more,
    })
  const tell = (...volumes: HeldVolume[]) =>
    beat({ inventory: { process: 'one', number: ++number, volumes } })
  const volumeRow = (name = 'web') => things.volumes.get(catalogKeys.volume('primary', name))
  const snapshotRows = (volume = 'web') =>
    gathered(things.snapshots.all({ partition: catalogKeys.snapshot('primary', volume, '').partition }))
  const place = (more: Partial<Volume>) => things.volumes.create({ ...storedVolume, ...more })

  it('notes that the node is there, and how its pool is', async () => {
    expect(await beat()).toEqual({ ...node, heardAt, version: '1.2.3', pool })
    expect(await things.nodes.get(catalogKeys.node('node-1'))).toMatchObject({ heardAt, pool })
  })

  it('makes no node that was removed', async () => {
    expect(await beat({}, 'node-2')).toBe(undefined)
    expect(await things.nodes.get(catalogKeys.node('node-2'))).toBe(undefined)
  })

  it('notes that its operations live: no others, and none that ended', async () => {
    const of = { a: {}, b: { node: 'node-2' }, c: { state: 'failed' as const } }
    for (const [id, more] of Object.entries(of))
      await things.operations.create({ ...queuedOperation, id, ...more })
    await beat({ running: ['a', 'b', 'c', 'unknown'] })
    const heard = await Promise.all(
      Object.keys(of).map(async (id) => (await things.operations.get(catalogKeys.operation(id)))?.heardAt),
    )
    expect(heard).toEqual([heardAt, null, null])
  })

  it('takes over what the node holds, and leaves what others decide', async () => {
    await place({ state: 'creating', jobs: ['daily'], target: 'nas', generation: 3 })
    await tell(web)
    expect(await volumeRow()).toEqual({
      ...storedVolume,
      jobs: ['daily'],
      target: 'nas',
      generation: 3,
      actualSizeBytes: 4096,
      state: 'attached',
      path: '/dev/loop1',
    })
    expect(await snapshotRows()).toEqual([{ ...snapshot, cluster: 'primary', volume: 'web' }])
  })

  it('makes a row for a volume that was made by hand', async () => {
    await tell(web)
    const { snapshots: _, ...seen } = web
    expect(await volumeRow()).toEqual({ ...storedVolume, ...seen })
  })

  it.each([
    ['attached', 'missing'],
    ['damaged', 'missing'],
    ['creating', 'creating'],
    ['restoring', 'restoring'],
    ['deleting', 'deleting'],
  ] as const)('of one that is %s and not there says that it is %s', async (state, after) => {
    await place({ state })
    await tell()
    expect(await volumeRow()).toEqual({ ...storedVolume, state: after })
  })

  it('keeps the rows of a missing one and its snapshots', async () => {
    await tell(web)
    await tell()
    expect(await volumeRow()).toMatchObject({ state: 'missing', path: null })
    expect(await snapshotRows()).toHaveLength(1)
  })

  it('finds a missing one again, and keeps one that is being deleted as that', async () => {
    await place({ state: 'missing' })
    await place({ name: 'db', state: 'deleting' })
    await tell(web, { ...web, name: 'db', path: null, state: 'detached' })
    expect(await volumeRow()).toMatchObject({ state: 'attached' })
    expect(await volumeRow('db')).toMatchObject({ state: 'deleting' })
  })

  it('leaves alone what is placed on another node, and warns', async () => {
    await place({ node: 'node-2' })
    await tell(web)
    expect(await volumeRow()).toEqual({ ...storedVolume, node: 'node-2' })
    expect(await snapshotRows()).toEqual([])
    expect(warnings).toEqual([
      [
        'a node holds a volume that is placed on another',
        { node: 'node-1', volume: 'web', placedOn: 'node-2' },
      ],
    ])
    await tell()
    expect(await volumeRow()).toMatchObject({ state: 'detached' })
  })

  it('adds, changes and drops snapshots as the node does', async () => {
    await tell({ ...web, snapshots: [snapshot, { ...snapshot, name: 'gone' }] })
    const second = { ...snapshot, name: 'second', parent: 'daily' }
    await tell({ ...web, snapshots: [{ ...snapshot, labels: {} }, second] })
    expect((await snapshotRows()).map(({ name, labels, parent }) => ({ name, labels, parent }))).toEqual([
      { name: 'daily', labels: {}, parent: null },
      { name: 'second', labels: { job: 'daily' }, parent: 'daily' },
    ])
  })

  it('writes no row that is as it was', async () => {
    await tell(web)
    writes.length = 0
    await tell(web)
    expect(writes).toEqual(['node', 'node'])
  })

  it('ignores an older inventory of the same process, not of another', async () => {
    await tell(web)
    await tell(web)
    await beat({ inventory: { process: 'one', number: 1, volumes: [] } })
    await beat({ inventory: { process: 'one', number: 2, volumes: [] } })
    expect(await volumeRow()).toMatchObject({ state: 'attached' })
    const restarted = await beat({ inventory: { process: 'two', number: 1, volumes: [] } })
    expect(restarted?.inventory).toEqual({ process: 'two', number: 1 })
    expect(await volumeRow()).toMatchObject({ state: 'missing' })
  })

  it('applies again what was cut off', async () => {
    const { put } = store
    store.put = async (item, expected) => {
      if (item.key.partition.startsWith('snapshot')) throw new Error('cut off')
      return put(item, expected)
    }
    const inventory = { process: 'one', number: 1, volumes: [web] }
    await expect(beat({ inventory })).rejects.toThrow('cut off')
    store.put = put
    await beat({ inventory })
    expect(await snapshotRows()).toHaveLength(1)
    expect((await things.nodes.get(catalogKeys.node('node-1')))?.inventory).toEqual({
      process: 'one',
      number: 1,
    })
  })
})

import { beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '#lib/base/log.ts'
import type { Heartbeat } from '#lib/api/node-messages.ts'
import type { PoolStatus, VolumeView } from '#lib/volume/pool.ts'
import { VolumeError } from '#lib/volume/volume-error.ts'
import { heartbeats, type Heartbeats } from './heartbeats.ts'

const web: VolumeView = {
  name: 'web',
  sizeBytes: 100,
  actualSizeBytes: 10,
  blockSizeBytes: 2,
  sectorSizeBytes: 512,
  createdAt: '2026-01-01T00:00:00Z',
  state: 'detached',
  frontend: undefined,
  path: undefined,
  snapshots: 0,
}
const status: PoolStatus = {
  folder: '/pool',
  kind: 'copy',
  totalBytes: 1000,
  availableBytes: 500,
  scheduledBytes: 100,
  promisedBytes: 90,
  volumes: 1,
  storageOverProvisioningPercentage: 100,
  storageMinimalAvailablePercentage: 10,
  oddities: [],
}

describe('heartbeats', () => {
  let volumes: VolumeView[]
  let sent: Heartbeat[]
  let isReachable: boolean
  let isBroken: boolean
  let nowMs: number
  let beats: Heartbeats

  beforeEach(() => {
    volumes = [web]
    sent = []
    isReachable = true
    isBroken = false
    nowMs = Date.parse('2026-01-01T00:00:00Z')
    beats = heartbeats({
      api: {
        heartbeat: async (heartbeat) => {
          if (!isReachable) throw new Error('not reachable')
          sent.push(heartbeat)
        },
      },
      pool: {
        status: async () => status,
        listVolumes: async () => {
          if (isBroken) throw new VolumeError('host-failed', 'losetup failed')
          return volumes
        },
        recordedSnapshots: (name) => {
          if (name === 'gone') throw new VolumeError('volume-not-found', 'gone')
          return []
        },
      },
      journal: { unfinishedIds: () => ['op-1'] },
      clock: { now: () => new Date(nowMs) },
      log: silentLog,
      version: '1.2.3',
    })
  })
  const numbers = () => sent.map(({ inventory }) => inventory?.number)

  it('goes on beating when the pool cannot be looked at, without a word of what it holds', async () => {
    isBroken = true
    await beats.beat()
    await beats.tellChanges()
    expect(sent).toEqual([{ version: '1.2.3', running: ['op-1'] }])
    isBroken = false
    await beats.beat()
    expect(sent[1]?.inventory).toMatchObject({ number: 1 })
  })

  it('tell the pool, the operations and, first, all volumes', async () => {
    await beats.beat()
    expect(sent).toEqual([
      {
        version: '1.2.3',
        pool: { kind: 'copy', totalBytes: 1000, availableBytes: 500, promisedBytes: 90 },
        running: ['op-1'],
        inventory: {
          process: expect.stringMatching(/^[0-9a-f-]{36}$/),
          number: 1,
          volumes: [
            {
              name: 'web',
              sizeBytes: 100,
              actualSizeBytes: 10,
              state: 'detached',
              path: null,
              createdAt: '2026-01-01T00:00:00Z',
              snapshots: [],
            },
          ],
        },
      },
    ])
  })

  it('tell the volumes again when they changed, and after five minutes', async () => {
    await beats.beat()
    await beats.beat()
    volumes = [{ ...web, actualSizeBytes: 20 }]
    await beats.beat()
    volumes = [{ ...web, state: 'attached', path: '/dev/loop1' }]
    await beats.beat()
    nowMs += 5 * 60_000 - 1
    await beats.beat()
    nowMs += 1
    await beats.beat()
    expect(numbers()).toEqual([1, undefined, undefined, 2, undefined, 3])
  })

  it('of changes alone tell nothing when there are none', async () => {
    await beats.tellChanges()
    await beats.tellChanges()
    volumes = []
    await beats.tellChanges()
    expect(numbers()).toEqual([1, 2])
  })

  it('tell again what did not arrive, under another number', async () => {
    isReachable = false
    await expect(beats.tellChanges()).rejects.toThrow('not reachable')
    isReachable = true
    await beats.tellChanges()
    expect(numbers()).toEqual([2])
  })

  it('go out one after another', async () => {
    await Promise.all([beats.tellChanges(), beats.beat(), beats.tellChanges()])
    expect(numbers()).toEqual([1, undefined])
  })

  it('leave out a volume that was deleted meanwhile', async () => {
    volumes = [web, { ...web, name: 'gone' }]
    await beats.beat()
    expect(sent[0]?.inventory?.volumes.map(({ name }) => name)).toEqual(['web'])
  })
})

import { describe, expect, it } from 'vitest'
import { GiB, MiB } from '#lib/base/sizes.ts'
import type { PoolStatus, VolumeView } from '#lib/volume/pool.ts'
import { poolVolumesText, sizeText, statusText } from './pool-view.ts'

const volume: VolumeView = {
  name: 'web',
  sizeBytes: 12 * MiB,
  actualSizeBytes: 1 * MiB,
  blockSizeBytes: 2 * MiB,
  sectorSizeBytes: 512,
  createdAt: '2026-01-02T03:04:05Z',
  state: 'attached',
  frontend: 'block',
  path: '/dev/loop3',
  snapshots: 2,
}

const status: PoolStatus = {
  folder: '/srv/drover',
  kind: 'btrfs',
  volumes: 2,
  totalBytes: 10 * GiB,
  availableBytes: 6 * GiB,
  scheduledBytes: 3 * GiB,
  promisedBytes: 2 * GiB,
  storageOverProvisioningPercentage: 100,
  storageMinimalAvailablePercentage: 10,
  oddities: [],
}

describe('pools', () => {
  it('are shown with their room', () => {
    expect(statusText(status).split('\n')).toEqual([
      'pool            /srv/drover',
      'kind            btrfs',
      'snapshots       take a moment, and no room at first',
      'volumes         2, 3 GiB together; at most 10 GiB (100 %)',
      'room            6 GiB of 10 GiB free; 1 GiB (10 %) are to stay so',
      'may be written  2 GiB by its volumes, kept free for them',
    ])
  })

  it('say when room is not kept free', () => {
    expect(statusText({ ...status, storageOverProvisioningPercentage: 200 })).toContain(
      'not kept free: over-provisioned',
    )
  })

  it('name what is left alone, with the reason', () => {
    const oddities = [{ path: '/srv/drover/volumes/x', reason: 'it has no record' }]
    expect(statusText({ ...status, oddities })).toMatch(
      /\n\nLEFT ALONE +REASON\n\/srv\/drover\/volumes\/x +it has no record\n\nremark: /,
    )
  })
})

describe('volumes', () => {
  it('are listed with state and device', () => {
    const idle: VolumeView = { ...volume, name: 'db', frontend: 'none', path: undefined }
    expect(poolVolumesText([volume, idle]).split('\n')).toEqual([
      'VOLUME    SIZE  ON DISK  SNAPSHOTS  STATE                     DEVICE',
      'web     12 MiB    1 MiB          2  attached                  /dev/loop3',
      'db      12 MiB    1 MiB          2  attached for maintenance  -',
    ])
  })

  it.each([
    [12 * MiB, '12 MiB'],
    [11 * MiB, '12 MiB, rounded up from 11 MiB: whole blocks of 2 MiB, at least 10 MiB'],
    [12 * MiB - 1, '12 MiB, rounded up from 12582911 bytes: whole blocks of 2 MiB, at least 10 MiB'],
  ])('say that %d bytes were rounded up', (wantedBytes, text) => {
    expect(sizeText(volume, wantedBytes)).toBe(text)
  })
})

/**
 * @module pool-view: pools and their volumes as they are shown.
 */
import { formatBytes, MiB } from '#lib/base/sizes.ts'
import type { PoolStatus, VolumeView } from '#lib/volume/pool.ts'
import type { PoolKind } from '#lib/volume/pool-driver.ts'
import type { Oddity } from '#lib/volume/recover.ts'
import { fieldsText, tableText, type Column } from './tables.ts'

/** What a pool's snapshots cost. */
export const snapshotCosts: Record<PoolKind, string> = {
  btrfs: 'take a moment, and no room at first',
  xfs: 'take no room at first; writes wait meanwhile, the longer the more scattered the volume is',
  copy: 'are copies: they take time and room, and nothing may be written meanwhile',
}

const oddColumns: Column<Oddity>[] = [
  { title: 'LEFT ALONE', value: ({ path }) => path },
  { title: 'REASON', value: ({ reason }) => reason },
]

const oddText = ({ oddities }: PoolStatus): string[] =>
  oddities.length === 0
    ? []
    : [
        '',
        tableText(oddities, oddColumns),
        '',
        'remark: nothing touches what is left alone; all other volumes work as ever',
      ]

/** Beyond 100 % it was asked for that their own writes may fail. */
const promiseText = ({ promisedBytes, storageOverProvisioningPercentage }: PoolStatus): string =>
  `${formatBytes(promisedBytes)} by its volumes, ${storageOverProvisioningPercentage > 100 ? 'not kept free: over-provisioned' : 'kept free for them'}`

export const statusText = (status: PoolStatus): string => {
  const { totalBytes, availableBytes, scheduledBytes, volumes } = status
  const { storageOverProvisioningPercentage: most, storageMinimalAvailablePercentage: least } = status
  const fields = fieldsText({
    pool: status.folder,
    kind: status.kind,
    snapshots: snapshotCosts[status.kind],
    volumes: `${volumes}, ${formatBytes(scheduledBytes)} together; at most ${formatBytes(Math.floor((totalBytes * most) / 100))} (${most} %)`,
    room: `${formatBytes(availableBytes)} of ${formatBytes(totalBytes)} free; ${formatBytes(Math.ceil((totalBytes * least) / 100))} (${least} %) are to stay so`,
    'may be written': promiseText(status),
  })
  return [fields, ...oddText(status)].join('\n')
}

export const volumeStateText = ({ state, frontend }: Pick<VolumeView, 'state' | 'frontend'>): string =>
  frontend === 'none' ? 'attached for maintenance' : state

const volumeColumns: Column<VolumeView>[] = [
  { title: 'VOLUME', value: ({ name }) => name },
  { title: 'SIZE', value: ({ sizeBytes }) => formatBytes(sizeBytes), isRight: true },
  { title: 'ON DISK', value: ({ actualSizeBytes }) => formatBytes(actualSizeBytes), isRight: true },
  { title: 'SNAPSHOTS', value: ({ snapshots }) => String(snapshots), isRight: true },
  { title: 'STATE', value: volumeStateText },
  { title: 'DEVICE', value: ({ path }) => path },
]

export const poolVolumesText = (volumes: readonly VolumeView[]): string => tableText(volumes, volumeColumns)

/** A size, and why it is another than the one asked for. */
export const sizeText = ({ sizeBytes, blockSizeBytes }: VolumeView, wantedBytes: number): string => {
  const size = formatBytes(sizeBytes)
  if (sizeBytes === wantedBytes) return size
  const from = wantedBytes % MiB === 0 ? formatBytes(wantedBytes) : `${wantedBytes} bytes`
  return `${size}, rounded up from ${from}: whole blocks of ${formatBytes(blockSizeBytes)}, at least 10 MiB`
}

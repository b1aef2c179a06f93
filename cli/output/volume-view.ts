/**
 * @module volume-view: volumes of the service as they are shown.
 */
import { formatBytes } from '#lib/base/sizes.ts'
import type { Volume } from '../answers.ts'
import { fieldsText, type Column } from './tables.ts'
import type { Outcome } from './terminal.ts'

const backupsGoTo = ({ target, backupVolume }: Volume): string | undefined =>
  target === null ? undefined : `${target}/${backupVolume ?? ''}`

/** Longhorn's rule: one that names neither is in the group `default`. */
const takesPartIn = ({ jobs, groups }: Volume): string =>
  jobs.length + groups.length === 0
    ? 'group default'
    : [...jobs.map((name) => `job ${name}`), ...groups.map((name) => `group ${name}`)].join(', ')

export const volumeColumns: Column<Volume>[] = [
  { title: 'VOLUME', value: ({ cluster, name }) => `${cluster}/${name}` },
  { title: 'NODE', value: ({ node }) => node },
  { title: 'SIZE', value: ({ sizeBytes }) => formatBytes(sizeBytes), isRight: true },
  { title: 'ON DISK', value: ({ actualSizeBytes }) => formatBytes(actualSizeBytes), isRight: true },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'DEVICE', value: ({ path }) => path ?? undefined },
  { title: 'BACKED UP TO', value: backupsGoTo },
]

export const volumeOutcome = (volume: Volume): Outcome => ({
  json: volume,
  text: fieldsText({
    volume: `${volume.cluster}/${volume.name}`,
    state: volume.state,
    node: volume.node,
    device: volume.path ?? undefined,
    size: formatBytes(volume.sizeBytes),
    'on disk': formatBytes(volume.actualSizeBytes),
    'backed up to': backupsGoTo(volume),
    'takes part in': takesPartIn(volume),
    'created at': volume.createdAt,
  }),
  handles: [`${volume.cluster}/${volume.name}`],
})

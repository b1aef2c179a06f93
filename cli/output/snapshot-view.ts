/**
 * @module snapshot-view: snapshots of volumes as they are shown.
 */
import { formatBytes } from '#lib/base/sizes.ts'
import type { SnapshotView } from '#lib/volume/snapshot-reader.ts'
import type { SnapshotRecord } from '#lib/volume/volume-record.ts'
import type { Snapshot } from '../answers.ts'
import { snapshotTree, type TreeLine } from '../snapshot-tree.ts'
import { tableText, type Column } from './tables.ts'

type Consistency = SnapshotRecord['consistency']

const consistencyNames: Record<Consistency, string> = {
  filesystem: 'file system',
  'at-rest': 'at rest',
  crash: 'crash-consistent',
}

const consistencyMeanings: Record<Consistency, string> = {
  filesystem: 'its file system was frozen while it was taken',
  'at-rest': 'the volume was not attached',
  crash: 'as after a power cut: what was flushed is in it',
}

export const consistencyText = (consistency: Consistency): string =>
  `${consistencyNames[consistency]}: ${consistencyMeanings[consistency]}`

const of =
  <Shown>(value: (snapshot: Shown) => string) =>
  ({ snapshot }: TreeLine<Shown>): string =>
    snapshot ? value(snapshot) : ''

const columns: Column<TreeLine<SnapshotView>>[] = [
  { title: 'SNAPSHOT', value: ({ lead, snapshot }) => `${lead}${snapshot?.name ?? '(volume head)'}` },
  { title: 'CREATED AT', value: of(({ createdAt }) => createdAt) },
  { title: 'SIZE', value: of(({ sizeBytes }) => formatBytes(sizeBytes)), isRight: true },
  {
    title: 'OWN',
    value: of(({ ownBytes }) => (ownBytes === undefined ? 'damaged' : formatBytes(ownBytes))),
    isRight: true,
  },
  { title: 'MADE FOR', value: of(({ isUserCreated }) => (isUserCreated ? 'users' : 'backups')) },
  { title: 'CONSISTENCY', value: of(({ consistency }) => consistencyNames[consistency]) },
]

export const snapshotsText = (snapshots: readonly SnapshotView[]): string =>
  tableText(snapshotTree(snapshots), columns)

/** Where its node knows more of it: what its deletion frees, and where the volume's head is. */
const serviceColumns: Column<TreeLine<Omit<Snapshot, 'parent'>>>[] = [
  { title: 'SNAPSHOT', value: ({ lead, snapshot }) => `${lead}${snapshot?.name ?? ''}` },
  { title: 'CREATED AT', value: of(({ createdAt }) => createdAt) },
  { title: 'SIZE', value: of(({ sizeBytes }) => formatBytes(sizeBytes)), isRight: true },
  { title: 'MADE FOR', value: of(({ isUserCreated }) => (isUserCreated ? 'users' : 'backups')) },
  { title: 'CONSISTENCY', value: of(({ consistency }) => consistencyNames[consistency]) },
]

export const serviceSnapshotsText = (snapshots: readonly Snapshot[]): string => {
  const names = new Set(snapshots.map(({ name }) => name))
  const inTree = snapshots.map(({ parent, ...snapshot }) => ({
    ...snapshot,
    // One that is gone is as none: what it led to must not go with it.
    parent: parent !== null && names.has(parent) ? parent : undefined,
  }))
  return tableText(snapshotTree(inTree), serviceColumns)
}

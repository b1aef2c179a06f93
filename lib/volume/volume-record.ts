/**
 * @module volume-record: what a pool keeps about one volume, in its `volume.json`; what the record does not name does not exist.
 *
 * A change that takes several steps is announced in `pending` first; after a crash recover.ts finishes it or takes it back.
 */
import * as z from 'zod'
import { VolumeError } from './volume-error.ts'

/** What writes looked like at some moment, to tell later whether there were any. */
const WriteMark = z.discriminatedUnion('kind', [
  /** The loop device's counters; `attachment` names one attachment of one device of one boot. */
  z.object({ kind: z.literal('device'), attachment: z.string(), counters: z.string() }),
  /** Nothing was attached; `attachments`: how often it had been until then. */
  z.object({
    kind: z.literal('detached'),
    headId: z.string(),
    attachments: z.int(),
    /** Of the head's file, in nanoseconds: it is written even by who goes past us. */
    modifiedAt: z.string(),
  }),
])
export type WriteMark = z.infer<typeof WriteMark>

const Snapshot = z.object({
  /** Random, and the name of its folder. Another snapshot of the same name has another. */
  id: z.string(),
  /** The file system's own name of its content, see pool-driver.ts. */
  identity: z.string(),
  name: z.string(),
  parentId: z.string().nullable(),
  createdAt: z.string(),
  /** Made because a user, or a user's job, asked for it; others are made for a backup and go with it. */
  isUserCreated: z.boolean(),
  labels: z.record(z.string(), z.string()),
  sizeBytes: z.int(),
  /** `filesystem`: frozen to the end. `at-rest`: nothing was attached. `crash`: as after a power cut. */
  consistency: z.enum(['filesystem', 'at-rest', 'crash']),
  writeMark: WriteMark.nullable(),
})
export type SnapshotRecord = z.infer<typeof Snapshot>

/** Which backup was made from which snapshot: the newest for each backup volume of each target. */
const BackupRecord = z.object({
  target: z.string(),
  backupVolume: z.string(),
  backupName: z.string(),
  /** What its config says of its making: tells it from another one under its name. */
  backupCreatedAt: z.string(),
  snapshotId: z.string(),
})
export type BackupRecord = z.infer<typeof BackupRecord>

const Pending = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('create-volume') }),
  z.object({ kind: z.literal('restore-volume') }),
  z.object({ kind: z.literal('delete-volume') }),
  /** A layer that nothing names yet: taken back. */
  z.object({ kind: z.literal('make-layer'), layerId: z.string() }),
  /** A layer that nothing names any more: removed. */
  z.object({ kind: z.literal('remove-layer'), layerId: z.string() }),
  z.object({ kind: z.literal('expand'), sizeBytes: z.int() }),
])
export type Pending = z.infer<typeof Pending>

/** How a volume that has no loop device is attached: its file itself (for tests), or for maintenance, without any way to write. */
const Frontend = z.enum(['file', 'none'])

const VolumeRecord = z.object({
  format: z.literal(1),
  id: z.string(),
  name: z.string(),
  createdAt: z.string(),
  sizeBytes: z.int(),
  blockSizeBytes: z.int(),
  sectorSizeBytes: z.union([z.literal(512), z.literal(4096)]),
  head: z.object({ id: z.string(), parentId: z.string().nullable() }),
  snapshots: z.array(Snapshot),
  backups: z.array(BackupRecord),
  frontend: Frontend.nullable(),
  /** How often it was attached so that something could write. */
  attachments: z.int(),
  pending: Pending.nullable(),
})
export type VolumeRecord = z.infer<typeof VolumeRecord>

export const encodeRecord = (record: VolumeRecord): string => `${JSON.stringify(record, undefined, 2)}\n`

/** @throws VolumeError `record-damaged`. */
export const decodeRecord = (text: string, path: string): VolumeRecord => {
  try {
    return VolumeRecord.parse(JSON.parse(text))
  } catch (cause) {
    throw new VolumeError('record-damaged', `${path} is no record of a volume`, {
      cause,
      hint: 'the volume is left alone; put back the record, or move its folder out of the pool',
    })
  }
}

/** Whether others may see it: not while it is made, restored or deleted. */
export const isComplete = ({ pending }: VolumeRecord): boolean =>
  pending?.kind !== 'create-volume' && pending?.kind !== 'restore-volume' && pending?.kind !== 'delete-volume'

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{1,199}$/

/** @throws VolumeError `invalid-name`. */
export const checkVolumeName = (what: 'volume' | 'snapshot', name: string): string => {
  if (namePattern.test(name)) return name
  throw new VolumeError('invalid-name', `invalid ${what} name ${JSON.stringify(name)}`, {
    hint: `a ${what} name has 2 to 200 characters: letters, digits, "_", "." and "-", and begins with a letter or digit`,
  })
}

export const findSnapshot = (record: VolumeRecord, name: string): SnapshotRecord | undefined =>
  record.snapshots.find((snapshot) => snapshot.name === name)

/** @throws VolumeError `snapshot-not-found`. */
export const requireSnapshot = (record: VolumeRecord, name: string): SnapshotRecord => {
  const found = findSnapshot(record, name)
  if (found) return found
  throw new VolumeError('snapshot-not-found', `volume ${record.name} has no snapshot ${name}`, {
    hint: `see them with: drover pool snapshot list ${record.name}`,
  })
}

/** Its children and the head get its parent. */
export const withoutSnapshot = (record: VolumeRecord, id: string): VolumeRecord => {
  const parentId = record.snapshots.find((snapshot) => snapshot.id === id)?.parentId ?? null
  const adopted = <T extends { parentId: string | null }>(item: T): T =>
    item.parentId === id ? { ...item, parentId } : item
  return {
    ...record,
    head: adopted(record.head),
    snapshots: record.snapshots.filter((snapshot) => snapshot.id !== id).map(adopted),
  }
}

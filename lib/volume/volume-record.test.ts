import { describe, expect, it } from 'vitest'
import { VolumeError } from './volume-error.ts'
import {
  checkVolumeName,
  decodeRecord,
  encodeRecord,
  findSnapshot,
  isComplete,
  requireSnapshot,
  withoutSnapshot,
  type Pending,
  type SnapshotRecord,
  type VolumeRecord,
} from './volume-record.ts'

const snapshot = (id: string, parentId: string | null): SnapshotRecord => ({
  id,
  identity: `xfs:pool:${id}`,
  name: `name-${id}`,
  parentId,
  createdAt: '2026-01-02T03:04:05Z',
  isUserCreated: true,
  labels: { job: 'nightly' },
  sizeBytes: 1024,
  consistency: 'filesystem',
  writeMark: { kind: 'device', attachment: 'boot/7', counters: '8 0' },
})

/** a ← b ← c, and a ← d ← the head. */
const record: VolumeRecord = {
  format: 1,
  id: 'volume-1',
  name: 'data',
  createdAt: '2026-01-02T03:04:05Z',
  sizeBytes: 2048,
  blockSizeBytes: 2_097_152,
  sectorSizeBytes: 512,
  head: { id: 'head-1', parentId: 'd' },
  snapshots: [snapshot('a', null), snapshot('b', 'a'), snapshot('c', 'b'), snapshot('d', 'a')],
  backups: [
    {
      target: 's3://b@r/',
      backupVolume: 'data',
      backupName: 'backup-1',
      backupCreatedAt: 'then',
      snapshotId: 'a',
    },
  ],
  frontend: null,
  attachments: 3,
  pending: null,
}

describe('a record', () => {
  const pendings: (Pending | null)[] = [
    null,
    { kind: 'create-volume' },
    { kind: 'restore-volume' },
    { kind: 'delete-volume' },
    { kind: 'make-layer', layerId: 'snap-1' },
    { kind: 'remove-layer', layerId: 'snap-1' },
    { kind: 'expand', sizeBytes: 4096 },
  ]
  it.each(pendings)('is read as it was written, with %j under way', (pending) => {
    expect(decodeRecord(encodeRecord({ ...record, pending }), 'volume.json')).toEqual({ ...record, pending })
  })

  const broken: [string, unknown][] = [
    ['another format', { ...record, format: 2 }],
    ['no head', { ...record, head: undefined }],
    ['a size that is no whole number', { ...record, sizeBytes: 1.5 }],
    ['sectors of another size', { ...record, sectorSizeBytes: 520 }],
    ['something unknown under way', { ...record, pending: { kind: 'resize' } }],
    [
      'a snapshot without identity',
      { ...record, snapshots: [{ ...snapshot('a', null), identity: undefined }] },
    ],
    ['a list', []],
  ]
  it.each(broken)('is damaged with %s', (_, value) => {
    expect(() => decodeRecord(JSON.stringify(value), '/pool/volume.json')).toThrow(
      expect.objectContaining({
        code: 'record-damaged',
        message: expect.stringContaining('/pool/volume.json'),
      }),
    )
  })

  it.each(['', '{', encodeRecord(record).slice(0, -20)])('is damaged when it is cut short: %j', (text) => {
    expect(() => decodeRecord(text, 'volume.json')).toThrow(VolumeError)
  })

  it.each<[Pending | null, boolean]>([
    [null, true],
    [{ kind: 'create-volume' }, false],
    [{ kind: 'restore-volume' }, false],
    [{ kind: 'delete-volume' }, false],
    [{ kind: 'make-layer', layerId: 'x' }, true],
    [{ kind: 'remove-layer', layerId: 'x' }, true],
    [{ kind: 'expand', sizeBytes: 4096 }, true],
  ])('with %j under way is there for others: %s', (pending, expected) => {
    expect(isComplete({ ...record, pending })).toBe(expected)
  })
})

describe('names', () => {
  it.each(['ab', '0-', 'A_b.c', 'x'.repeat(200)])('takes %s', (name) => {
    expect(checkVolumeName('volume', name)).toBe(name)
  })

  it.each(['', 'a', '.a', '-a', '_a', 'a/b', 'a b', 'ä1', 'ab\n', 'a\0', 'x'.repeat(201)])(
    'refuses %j',
    (name) => {
      expect(() => checkVolumeName('snapshot', name)).toThrow(
        expect.objectContaining({ code: 'invalid-name' }),
      )
    },
  )
})

describe('the tree', () => {
  /** `snapshot parent`, and the head last. */
  const tree = ({ snapshots, head }: VolumeRecord): string =>
    [...snapshots, { id: 'head', parentId: head.parentId }]
      .map(({ id, parentId }) => id + (parentId ?? '-'))
      .join(' ')

  it.each([
    ['a', 'b- cb d- headd'],
    ['b', 'a- ca da headd'],
    ['c', 'a- ba da headd'],
    ['d', 'a- ba cb heada'],
    ['none', 'a- ba cb da headd'],
  ])('without %s gives its children its parent', (id, expected) => {
    expect(tree(withoutSnapshot(record, id))).toBe(expected)
  })

  it('without any of its snapshots has a head without a parent', () => {
    const empty = ['b', 'd', 'a', 'c'].reduce(withoutSnapshot, record)
    expect(empty).toEqual({ ...record, snapshots: [], head: { id: 'head-1', parentId: null } })
  })

  it('finds a snapshot by its name, never by its id', () => {
    expect(findSnapshot(record, 'name-b')?.id).toBe('b')
    expect(findSnapshot(record, 'b')).toBeUndefined()
    expect(requireSnapshot(record, 'name-b').id).toBe('b')
    expect(() => requireSnapshot(record, 'b')).toThrow(
      expect.objectContaining({ code: 'snapshot-not-found' }),
    )
  })
})

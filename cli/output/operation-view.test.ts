import { expect, it } from 'vitest'
import { MiB } from '#lib/base/sizes.ts'
import { queuedOperation } from '#test/queued-operation.ts'
import type { Operation } from '../answers.ts'
import { operationColumns } from './operation-view.ts'

const remark = operationColumns.find(({ title }) => title === 'REMARK')

it.each<[Operation['kind'], Operation['result'], string | undefined]>([
  [
    'create-backup',
    { outcome: 'made', backup: 'one', snapshot: 'snap', newBlocks: 14, newBytes: 198_665 },
    '14 blocks, 194.0 KiB',
  ],
  ['create-backup', { outcome: 'nothing-new' }, 'nothing new'],
  ['create-snapshot', { outcome: 'made', snapshot: 'snap', sizeBytes: 0 }, 'snap'],
  ['create-volume', { sizeBytes: 20 * MiB, state: 'detached', path: null }, '20 MiB'],
  ['attach-volume', { frontend: 'block', path: '/dev/loop7' }, '/dev/loop7'],
  ['detach-volume', {}, undefined],
  ['restore-backup', { sizeBytes: MiB, fetchedBlocks: 1, lostBlocks: 0 }, '1 MiB'],
  ['restore-backup', { sizeBytes: MiB, fetchedBlocks: 1, lostBlocks: 2 }, '1 MiB; 2 blocks lost'],
  ['delete-backup', { deletedBlocks: 2, deletedBytes: 4 * MiB }, 'freed 4 MiB: 2 unused blocks deleted'],
  [
    'collect-blocks',
    { deletedBlocks: 0, skipped: 'a backup runs' },
    'unused blocks stay for now: a backup runs',
  ],
  [
    'verify-backup',
    { checkedBlocks: 3, checkedBytes: MiB, badBlocks: 1 },
    '3 blocks, 1 MiB read; 1 block bad',
  ],
])('of %s the remark on %j', (kind, result, text) => {
  const operation = { ...queuedOperation, kind, result, state: 'succeeded', endedAt: '2026-01-01T00:00:00Z' }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- parameters of another kind, which no remark tells of
  expect(remark?.value(operation as Operation)).toBe(text)
})

import { describe, expect, it } from 'vitest'
import { blockListBuilder, type BlockList } from '#lib/backupstore/block-list.ts'
import { planBackup, type BackupPlanInput } from './backup-plan.ts'

const listOf = (...indexes: number[]): BlockList => {
  const builder = blockListBuilder(2_097_152)
  for (const index of indexes) builder.set(index, index.toString(16).padStart(64, '0'))
  return builder.build()
}

const plan = (input: Partial<BackupPlanInput>) => {
  const { keep, read } = planBackup({
    blockCount: 4,
    base: undefined,
    allocated: undefined,
    changed: undefined,
    isBad: () => false,
    ...input,
  })
  return { keep: keep.map((position) => input.base?.indexes[position]), read: [...read] }
}

describe('the plan of a backup', () => {
  it.each<[string, Partial<BackupPlanInput>, { keep: number[]; read: number[] }]>([
    ['reads everything where nothing is known', {}, { keep: [], read: [0, 1, 2, 3] }],
    ['reads what is allocated', { allocated: Uint32Array.of(1, 3) }, { keep: [], read: [1, 3] }],
    ['reads everything to compare it with a base', { base: listOf(0, 1) }, { keep: [], read: [0, 1, 2, 3] }],
    [
      'keeps of a vouched base what is not named',
      { base: listOf(0, 1, 2), changed: Uint32Array.of(1) },
      { keep: [0, 2], read: [1] },
    ],
    [
      'drops what is no longer allocated',
      { base: listOf(0, 1, 2), changed: Uint32Array.of(1), allocated: Uint32Array.of(1, 2) },
      { keep: [2], read: [1] },
    ],
    [
      'reads what is allocated but neither named nor in the base: a mistake costs a read, not data',
      { base: listOf(0), changed: Uint32Array.of(), allocated: Uint32Array.of(0, 3) },
      { keep: [0], read: [3] },
    ],
    [
      'reads a block whose copy in the store is bad',
      { base: listOf(0, 1), changed: Uint32Array.of(), isBad: (position) => position === 1 },
      { keep: [0], read: [1] },
    ],
  ])('%s', (_, input, expected) => {
    expect(plan(input)).toEqual(expected)
  })
})

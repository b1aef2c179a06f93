/**
 * @module backup-story: what may happen to a volume and its backups, as random stories that fast-check shrinks.
 */
import * as fc from 'fast-check'
import type { CompressionMethod } from '#lib/backupstore/block.ts'
import { lettersIn } from './letter-volume.ts'

export const maxBlocks = 8

/** Letters put at positions. */
export type Changes = readonly [number, string][]

export type Harm = 'remove' | 'empty' | 'cut' | 'other'

/** What a restore finds: nothing, something, or what was restored from another backup: before the volume grew, or since. */
export type Onto = 'nothing' | 'something' | 'smaller' | 'grown'

/** Numbers are positions, taken modulo what there is. */
export type Step =
  | { kind: 'backup'; mode: 'incremental' | 'full'; changes: Changes; namesChanges: boolean }
  | { kind: 'delete'; which: number }
  | { kind: 'verify'; which: number | undefined }
  | { kind: 'damage'; which: number; how: Harm }
  | { kind: 'expand'; blocks: number }
  | { kind: 'restore'; which: number; onto: Onto; from: number; drift: Changes }
  | { kind: 'collect' }
export type StepOf<Kind extends Step['kind']> = Extract<Step, { kind: Kind }>

export interface Story {
  word: string
  compression: CompressionMethod
  steps: readonly Step[]
}

const letter = fc.constantFrom(...lettersIn('ABCDab0.'))
const changes = fc.array(fc.tuple(fc.nat(maxBlocks), letter), { maxLength: 4 })
const which = fc.nat(5)

type Arbitraries = { [Kind in Step['kind']]: fc.Arbitrary<StepOf<Kind>> }

const steps: Arbitraries = {
  backup: fc.record({
    kind: fc.constant('backup'),
    mode: fc.constantFrom('incremental', 'incremental', 'full'),
    changes,
    namesChanges: fc.boolean(),
  }),
  delete: fc.record({ kind: fc.constant('delete'), which }),
  verify: fc.record({ kind: fc.constant('verify'), which: fc.option(which, { nil: undefined }) }),
  damage: fc.record({
    kind: fc.constant('damage'),
    which,
    how: fc.constantFrom('remove', 'empty', 'cut', 'other'),
  }),
  expand: fc.record({ kind: fc.constant('expand'), blocks: fc.integer({ min: 1, max: 2 }) }),
  restore: fc.record({
    kind: fc.constant('restore'),
    which,
    onto: fc.constantFrom('nothing', 'something', 'smaller', 'grown'),
    from: which,
    drift: changes,
  }),
  collect: fc.record({ kind: fc.constant('collect') }),
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: steps.backup },
  { weight: 2, arbitrary: steps.delete },
  { weight: 4, arbitrary: steps.verify },
  { weight: 4, arbitrary: steps.damage },
  { weight: 1, arbitrary: steps.expand },
  { weight: 4, arbitrary: steps.restore },
  { weight: 1, arbitrary: steps.collect },
)

export const story: fc.Arbitrary<Story> = fc.record({
  word: fc.string({ unit: letter, minLength: 1, maxLength: 6 }),
  // Blocks that are stored as they are take longer, to hash and to copy.
  compression: fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom<CompressionMethod>('lz4', 'gzip') },
    { weight: 1, arbitrary: fc.constant<CompressionMethod>('none') },
  ),
  steps: fc
    .tuple(steps.backup, fc.array(step, { minLength: 3, maxLength: 6, size: 'max' }))
    .map(([first, rest]) => [first, ...rest]),
})

export const changed = (word: string, at: Changes): string => {
  const next = lettersIn(word)
  for (const [position, by] of at) next[position % next.length] = by
  return next.join('')
}

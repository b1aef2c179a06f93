import { describe, expect, it } from 'vitest'
import { explore } from './explore.ts'
import type { Start } from './explore.ts'
import { stepsOf } from './moves.ts'
import { protocol } from './rules.ts'
import type { Rule, Rules } from './rules.ts'
import { kinds } from './world.ts'
import type { Kind } from './world.ts'

const [backup, deletion, theirBackup, theirDeletion, volumeDeletion, restore] = kinds

const nothing: Start = { blocks: 0b00, earlier: [0, 0], leftover: 0 }
const oneBackup: Start = { blocks: 0b11, earlier: [0b01, 0], leftover: 0 }
const starts: Start[] = [
  nothing,
  { ...nothing, blocks: 0b11 },
  { ...oneBackup, blocks: 0b01 },
  { ...oneBackup, leftover: 1 },
  { ...oneBackup, earlier: [0b01, 0b10] },
  { ...oneBackup, earlier: [0b11, 0] },
]

const without = (...rules: Rule[]): Rules => ({
  ...protocol,
  ...Object.fromEntries(rules.map((rule) => [rule, false])),
})

/** All sets of so many actors, those with several of a kind among them. */
const setsOf = (size: number, from: readonly Kind[] = kinds): Kind[][] =>
  size === 0
    ? [[]]
    : from.flatMap((kind, i) => setsOf(size - 1, from.slice(i)).map((rest) => [kind, ...rest]))

const named = (set: readonly Kind[]) => ({ set, name: set.join(' + ') })

/** The way to a wrong state, or that there is none. */
const verdict = (set: readonly Kind[], rules: Rules, from = starts): string =>
  explore(set, from, rules).counterexample?.join('\n') ?? 'holds'

const wrongPairs = (rules: Rules): Kind[][] => setsOf(2).filter((set) => verdict(set, rules) !== 'holds')

const isOurs = (kind: Kind): boolean => kind === backup || kind === deletion

/** A rule dropped, two actors whom that lets go wrong, and how. */
const losses: { rules: Rule[]; pair: Kind[]; fault: string }[] = [
  { rules: ['waitsForWaiting'], pair: [backup, deletion], fault: 'misses a block' },
  { rules: ['waitsForWaiting'], pair: [backup, theirDeletion], fault: 'misses a block' },
  { rules: ['marksInTime'], pair: [backup, deletion], fault: 'misses a block' },
  { rules: ['marksInTime'], pair: [backup, theirDeletion], fault: 'misses a block' },
  { rules: ['commitsIfUnchanged'], pair: [backup, deletion], fault: 'misses a block' },
  { rules: ['commitsIfUnchanged'], pair: [backup, volumeDeletion], fault: 'misses a block' },
  {
    rules: ['storePutsIfUnchanged', 'checksLockBeforeCommit'],
    pair: [backup, deletion],
    fault: 'had become a backup',
  },
  { rules: ['lateIsCrash'], pair: [backup, theirDeletion], fault: 'misses a block' },
  { rules: ['lateIsCrash'], pair: [deletion, theirBackup], fault: 'misses a block' },
  { rules: ['settles'], pair: [deletion, theirBackup], fault: 'misses a block' },
  { rules: ['settles'], pair: [deletion, restore], fault: 'in spite of its lock' },
  { rules: ['acquiresInTime'], pair: [backup, deletion], fault: 'misses a block' },
  { rules: ['removesMarksIfUnchanged'], pair: [backup, deletion], fault: 'had become a backup' },
  { rules: ['honoursMarks'], pair: [backup, deletion], fault: 'misses a block' },
  { rules: ['checksLock'], pair: [backup, deletion], fault: 'misses a block' },
  { rules: ['checksLock'], pair: [deletion, restore], fault: 'in spite of its lock' },
  { rules: ['promptRequests'], pair: [backup, deletion], fault: 'misses a block' },
]

describe('every committed backup has its blocks, in every state of', () => {
  it.each(setsOf(2).map(named))('$name', ({ set }) => {
    expect(verdict(set, protocol)).toBe('holds')
  })

  // From one start, for time's sake; from all of them it takes three times as long, and holds as well.
  it.each(setsOf(3).map(named))('$name', ({ set }) => {
    expect(verdict(set, protocol, [oneBackup])).toBe('holds')
  })

  it('all pairs on a store without put-if-unchanged', () => {
    expect(wrongPairs(without('storePutsIfUnchanged'))).toEqual([])
  })
})

describe('the model', () => {
  it('takes every step of every actor', () => {
    const variants = [
      without('longhornReadsLocksAtOnce'),
      without('volumeDeletionEndsAtOnce'),
      { ...without('storePutsIfUnchanged'), comparesTwice: true },
    ]
    const moves = new Set(
      variants.flatMap((rules) => setsOf(2).flatMap((set) => [...explore(set, starts, rules).moves])),
    )
    const steps = kinds.flatMap((kind) =>
      Object.keys(stepsOf[kind](protocol)).map((step) => `${kind} ${step}`),
    )
    expect(steps.filter((step) => !moves.has(step))).toEqual([])
  })

  it.each(losses.map((loss) => ({ ...loss, name: `${loss.rules.join(' and ')}: ${loss.pair.join(' + ')}` })))(
    'finds what goes wrong without $name',
    ({ rules, pair, fault }) => {
      expect(verdict(pair, without(...rules))).toContain(fault)
    },
  )

  it('finds nothing wrong without the second lines of defence', () => {
    const second = without('looksAtBlocksAgain', 'listsCfgsAgain', 'sparesLiveMarks')
    expect(wrongPairs(second)).toEqual([])
  })
})

describe('what is assumed of Longhorn', () => {
  it.each<{ rule: Rule; set: Kind[] }>([
    { rule: 'longhornNeverExpires', set: [theirBackup, theirDeletion] },
    { rule: 'longhornReadsLocksAtOnce', set: [theirBackup, theirDeletion] },
    { rule: 'volumeDeletionEndsAtOnce', set: [theirBackup, volumeDeletion] },
    { rule: 'volumeDeletionSparesLocks', set: [theirBackup, theirDeletion, volumeDeletion] },
  ])('goes wrong among its own actors without $rule', ({ rule, set }) => {
    expect(verdict(set, without(rule))).toContain('misses a block')
  })

  it.each<Rule>(['longhornNeverExpires', 'longhornReadsLocksAtOnce', 'volumeDeletionEndsAtOnce'])(
    'leaves no pair of ours wrong, without %s, whose twin of Longhorn is right',
    (rule) => {
      const twins: Partial<Record<Kind, Kind>> = { [backup]: theirBackup, [deletion]: theirDeletion }
      const wrong = wrongPairs(without(rule))
      const names = wrong.map((pair) => pair.toSorted().join())
      const twinOf = (pair: Kind[]) =>
        pair
          .map((kind) => twins[kind] ?? kind)
          .toSorted()
          .join()
      expect(wrong.filter((pair) => pair.some(isOurs) && !names.includes(twinOf(pair)))).toEqual([])
    },
  )

  it('needs no reading of locks at once, for our deletion, if that compares twice', () => {
    const wrong = wrongPairs({ ...without('longhornReadsLocksAtOnce'), comparesTwice: true })
    expect(wrong.filter((pair) => pair.some(isOurs))).toEqual([])
  })
})

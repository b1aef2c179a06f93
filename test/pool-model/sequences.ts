/**
 * @module sequences: what happens to a volume in its life, drawn by fast-check.
 */
import * as fc from 'fast-check'
import { KiB } from '#lib/base/sizes.ts'
import { ioKinds, mostIoBytes, type Io } from './linux-volume-writer.ts'
import { moments } from './mortal-host.ts'

/** Its call is chosen from those that the operation may make. */
export interface DrawnDeath {
  at: number
  when: (typeof moments)[number]
  /** The recovery dies too, at this call. */
  inRecovery: { call: number; when: (typeof moments)[number] } | undefined
}

type Mortal = { death: DrawnDeath | undefined }

export type Command =
  | { kind: 'work'; ios: Io[] }
  /** `insists`: first tries it as things are, even where that must be refused. */
  | ({ kind: 'snapshot'; insists: boolean } & Mortal)
  | ({ kind: 'delete'; which: number } & Mortal)
  | ({ kind: 'revert'; which: number; insists: boolean } & Mortal)
  | ({ kind: 'expand'; blocks: number } & Mortal)
  | ({ kind: 'attach'; frontend: 'block' | 'file' | 'none' } & Mortal)
  | ({ kind: 'detach' } & Mortal)
  | ({ kind: 'ask'; which: number } & Mortal)
  /** `which`: of a user's snapshot; `undefined`: of one that is made for it. */
  | ({ kind: 'backup'; which: number | undefined } & Mortal)

export interface Sequence {
  sizeMiB: number
  blockMiB: 2 | 16
  sectorSizeBytes: 512 | 4096
  /** How it is attached for its work. */
  frontend: 'block' | 'file'
  creationDeath: DrawnDeath | undefined
  commands: Command[]
  removalDeath: DrawnDeath | undefined
  /** Which pairs of snapshots are compared at the end, besides parents and children. */
  pairs: number[]
}

const weighted = <T extends string>(weights: Record<T, number>): fc.Arbitrary<T> =>
  fc.oneof(
    ...(Object.keys(weights) as T[]).map((value) => ({
      weight: weights[value],
      arbitrary: fc.constant(value),
    })),
  )

const io: fc.Arbitrary<Io> = fc.record({
  kind: weighted<(typeof ioKinds)[number]>({
    write: 10,
    rewrite: 1,
    'write-zeros': 1,
    discard: 3,
    punch: 1,
    'zero-range': 1,
    allocate: 1,
  }),
  at: fc.nat(),
  lengthBytes: fc
    .tuple(fc.integer({ min: 0, max: 11 }), fc.nat(4 * KiB - 1))
    .map(([power, odd]) => Math.min(4 * KiB * 2 ** power + odd, mostIoBytes)),
  alignBytes: fc.constantFrom(1, 512, 4 * KiB),
  isDirect: fc.boolean(),
  isSynced: fc.boolean(),
})

const when = fc.constantFrom(...moments)
const death: fc.Arbitrary<DrawnDeath> = fc.record({
  at: fc.nat(),
  when,
  inRecovery: fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.record({ call: fc.integer({ min: 1, max: 4 }), when }) },
  ),
})

const deathIn = (percent: number): fc.Arbitrary<DrawnDeath | undefined> =>
  fc.oneof(
    { weight: 100 - percent, arbitrary: fc.constant(undefined) },
    { weight: percent, arbitrary: death },
  )

const command = (mortality: number, hasBackups: boolean): fc.Arbitrary<Command> => {
  const mortal = { death: deathIn(mortality) }
  const of = <K extends Command['kind'], T extends object>(
    weight: number,
    kind: K,
    rest: fc.Arbitrary<T>,
  ) => ({
    weight,
    arbitrary: rest.map((values) => ({ kind, ...values })),
  })
  const which = fc.nat()
  const insists = fc.boolean()
  const frontend = fc.constantFrom('block', 'file', 'none')
  const ofSnapshot = fc.option(which, { nil: undefined, freq: 4 })
  return fc.oneof(
    of(8, 'work', fc.record({ ios: fc.array(io, { minLength: 1, maxLength: 8 }) })),
    of(9, 'snapshot', fc.record({ insists, ...mortal })),
    of(2, 'delete', fc.record({ which, ...mortal })),
    of(2, 'revert', fc.record({ which, insists, ...mortal })),
    of(3, 'expand', fc.record({ blocks: fc.integer({ min: 1, max: 3 }), ...mortal })),
    of(2, 'attach', fc.record({ frontend, ...mortal })),
    of(2, 'detach', fc.record(mortal)),
    of(2, 'ask', fc.record({ which, ...mortal })),
    of(hasBackups ? 7 : 0, 'backup', fc.record({ which: ofSnapshot, ...mortal })),
  )
}

/** How many of a hundred operations the process dies in. */
export const sequenceOf = (mortality: number): fc.Arbitrary<Sequence> =>
  fc
    .record({
      sizeMiB: fc.integer({ min: 5, max: 8 }).map((half) => 2 * half),
      blockMiB: fc.constantFrom(2, 2, 2, 16),
      sectorSizeBytes: fc.constantFrom(512, 4096),
      frontend: fc.constantFrom('block', 'block', 'file'),
      creationDeath: deathIn(2 * mortality),
      removalDeath: deathIn(mortality),
      pairs: fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
      hasBackups: fc.boolean(),
    })
    .chain(({ hasBackups, ...life }) =>
      fc
        .array(command(mortality, hasBackups), { minLength: 5, maxLength: 15, size: 'max' })
        .map((commands) => ({ ...life, commands })),
    )

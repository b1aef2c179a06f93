/**
 * One crash after another, on one volume, by processes whose clocks are wrong: backups, deletions and collections that die or fail
 * at some call, each begun before or after the lock of the dead has expired.
 */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { faultyObjectStore, type Fault } from '#lib/object-store/faulty-object-store.ts'
import { memoryObjectStore, type MemoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { ObjectStoreError } from '#lib/object-store/object-store.ts'
import { idleClock, type IdleClock } from '../idle-clock.ts'
import { asRestored, blockSizeBytes, letterTarget } from '../letter-volume.ts'
import { audit, filesOf, volumeFileIn } from '../volume-audit.ts'
import { countedIds, volumeActions, volumeName, type VolumeActions } from '../volume-actions.ts'

const error = new ObjectStoreError('failed', 'the store broke')
const faults: Fault[] = [
  { kind: 'crash', when: 'before' },
  { kind: 'crash', when: 'after' },
  { kind: 'crash', when: 'either' },
  { kind: 'fail', error },
  { kind: 'fail-after', error },
]

const hourMs = 3600 * 1000

const turn = fc.record({
  does: fc.constantFrom('backup', 'backup', 'backup', 'full backup', 'deletion', 'deletion', 'collection'),
  /** A position in the volume, or among the backups. */
  which: fc.nat(7),
  letters: fc.string({ unit: fc.constantFrom('A', 'B', 'C', 'D', 'a', '.'), minLength: 1, maxLength: 4 }),
  growsBy: fc.constantFrom(0, 0, 0, 1),
  /** 0: at none. */
  call: fc.nat(24),
  fault: fc.constantFrom(...faults),
  seed: fc.nat(1000),
  waitsMs: fc.constantFrom(0, 0, 100_000, 151_000, 2 * hourMs),
  clockIsAheadMs: fc.constantFrom(0, 0, -30 * hourMs, 30 * hourMs),
})
type Turn = typeof turn extends fc.Arbitrary<infer T> ? T : never

/** What the store is like. */
const stores = fc.record({
  timeGranularityNs: fc.constantFrom(1n, 1_000_000_000n),
  listsAfterWrites: fc.boolean(),
})

interface Life {
  listsAfterWrites: boolean
  store: MemoryObjectStore
  clock: IdleClock
  /** By backup, of all that were ever begun. */
  words: Map<string, string>
  lastWord: string
}

const volumeFileOf = (store: MemoryObjectStore) => volumeFileIn(filesOf(store), volumeName)

const sizeBlocksOf = (store: MemoryObjectStore): number => Number(volumeFileOf(store).Size) / blockSizeBytes

const committedIn = (store: MemoryObjectStore): string[] =>
  audit(filesOf(store), volumeName).committed.map(({ name }) => name)

const nextWord = (life: Life, { which, letters, growsBy }: Turn): string => {
  const word = life.lastWord.padEnd(
    Math.min(8, Math.max(sizeBlocksOf(life.store), life.lastWord.length) + growsBy),
    '.',
  )
  const at = which % word.length
  return (word.slice(0, at) + letters + word.slice(at + letters.length)).slice(0, word.length)
}

/** Returns the backup that may be there now, or may be gone. */
const perform = async (life: Life, its: Turn, actions: VolumeActions): Promise<string | undefined> => {
  if (its.does === 'collection') {
    await actions.collect()
    return undefined
  }
  if (its.does === 'deletion') {
    const names = committedIn(life.store)
    const name = names[its.which % names.length]
    if (name !== undefined) await actions.remove(name)
    return name
  }
  const name = `b${life.words.size + 1}`
  const word = nextWord(life, its)
  life.words.set(name, word)
  life.lastWord = word
  await actions.backup(name, word, { mode: its.does === 'backup' ? 'incremental' : 'full' })
  expect(volumeFileOf(life.store).LastBackupName).toBe(name)
  return name
}

const requireWhole = async ({ store, clock, words }: Life): Promise<void> => {
  const { missing, committed } = audit(filesOf(store), volumeName)
  expect(missing).toEqual([])
  for (const { name } of committed) {
    const target = letterTarget()
    await volumeActions({ store, clock }).restore(name, target)
    expect([name, target.word()]).toEqual([name, asRestored(words.get(name) ?? '', sizeBlocksOf(store))])
  }
}

const take = async (life: Life, its: Turn): Promise<void> => {
  const { store, clock } = life
  clock.advance(its.waitsMs)
  const before = committedIn(store)
  const { listsAfterWrites } = life
  const faulty = faultyObjectStore(
    { ...store, listsAfterWrites },
    { [its.call]: its.fault },
    { seed: its.seed, clock },
  )
  const wrongClock = { ...clock, now: () => new Date(clock.now().getTime() + its.clockIsAheadMs) }
  const actions = volumeActions({ store: faulty, clock: wrongClock, ids: countedIds() })
  const outcome = await perform(life, its, actions).then(
    (name) => ({ name, failure: undefined }),
    (failure: unknown) => ({ name: undefined, failure }),
  )
  const after = committedIn(store)
  await requireWhole(life)
  if (outcome.failure !== undefined && !(faulty.callCount() >= its.call && its.call > 0))
    throw outcome.failure
  if (its.does === 'deletion') {
    expect(before.length - after.length).toBeLessThanOrEqual(1)
    if (outcome.name !== undefined) expect(after).not.toContain(outcome.name)
  } else {
    expect(after).toEqual(expect.arrayContaining(before))
    if (outcome.name !== undefined) expect(after).toContain(outcome.name)
  }
}

describe('a volume on which one process after another crashes', () => {
  it('loses no committed backup, and a collection leaves nothing unused', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(turn, { minLength: 3, maxLength: 8, size: 'max' }),
        stores,
        async (turns, like) => {
          const clock = idleClock()
          const { timeGranularityNs, listsAfterWrites } = like
          const store = memoryObjectStore({ clock, timeGranularityNs })
          const life: Life = { listsAfterWrites, clock, store, words: new Map(), lastWord: 'ABC' }
          for (const each of turns) await take(life, each)
          clock.advance(2 * hourMs)
          expect(await volumeActions({ store: life.store, clock }).collect()).toMatchObject({
            kind: 'collected',
          })
          expect(audit(filesOf(life.store), volumeName)).toMatchObject({ inProgress: [], unused: [] })
          await requireWhole(life)
        },
      ),
      { seed: 20_260_103, numRuns: 400 },
    )
  })
})

/**
 * @module backup-model: a volume, its backups and what was done to them, beside a plain model of what must come of it.
 *
 * The model: words by backup, which letters' blocks are damaged in the store, and which of those a verify has told of.
 */
import * as fc from 'fast-check'
import { expect } from 'vitest'
import type { CompressionMethod } from '#lib/backupstore/block.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { memoryObjectStore, type MemoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { idleClock } from './idle-clock.ts'
import { asRestored, blockSizeBytes, checksumOfLetter, letterTarget, storedLetter } from './letter-volume.ts'
import { countedIds, volumeActions, volumeName } from './volume-actions.ts'
import { audit, filesOf, volumeFileIn, type Files } from './volume-audit.ts'

const alphabet = 'ABCDab0.'
const maxBlocks = 8
const keys = volumeKeys(volumeName)

/** What a restore finds: nothing, something of another size, or what was restored from another backup, before the volume grew or since. */
type Onto = 'nothing' | 'something' | 'smaller' | 'grown'

/** Numbers are positions, taken modulo what there is. */
export type Step =
  | {
      kind: 'backup'
      mode: 'incremental' | 'full'
      changes: readonly [number, string][]
      namesChanges: boolean
    }
  | { kind: 'delete'; which: number }
  | { kind: 'verify'; which: number | undefined }
  | { kind: 'damage'; which: number; how: 'remove' | 'empty' | 'cut' | 'other' }
  | { kind: 'expand'; blocks: number }
  | { kind: 'restore'; which: number; onto: Onto; from: number; drift: readonly [number, string][] }
  | { kind: 'collect' }

const letter = fc.constantFrom(...alphabet)
const changes = fc.array(fc.tuple(fc.nat(maxBlocks), letter), { maxLength: 4 })
const which = fc.nat(5)

const backupStep: fc.Arbitrary<Step> = fc.record({
  kind: fc.constant('backup' as const),
  mode: fc.constantFrom('incremental', 'incremental', 'full'),
  changes,
  namesChanges: fc.boolean(),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: backupStep },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), which }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('verify' as const),
      which: fc.option(which, { nil: undefined }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('damage' as const),
      which,
      how: fc.constantFrom('remove', 'empty', 'cut', 'other'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('expand' as const), blocks: fc.integer({ min: 1, max: 2 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('restore' as const),
      which,
      onto: fc.constantFrom('nothing', 'something', 'smaller', 'grown'),
      from: which,
      drift: changes,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('collect' as const) }) },
)

export interface Story {
  word: string
  compression: CompressionMethod
  steps: readonly Step[]
}

export const story: fc.Arbitrary<Story> = fc.record({
  word: fc.string({ unit: letter, minLength: 1, maxLength: 6 }),
  // Blocks that are stored as they are take longer, to hash and to copy.
  compression: fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom('lz4', 'gzip') },
    { weight: 1, arbitrary: fc.constant('none') },
  ),
  steps: fc
    .tuple(backupStep, fc.array(step, { minLength: 3, maxLength: 6, size: 'max' }))
    .map(([first, rest]) => [first, ...rest]),
})

const changed = (word: string, at: readonly [number, string][]): string => {
  const next = [...word]
  for (const [position, by] of at) next[position % next.length] = by
  return next.join('')
}

interface Model {
  word: string
  compression: CompressionMethod
  /** In the order they were made. */
  backups: Map<string, string>
  made: number
  damaged: Set<string>
  /** Told of by a verify, and not sent again since. */
  told: Set<string>
}

/** `.` is in no backup. */
const lettersOf = (word: string): Set<string> => new Set(word.replaceAll('.', ''))

const isStored = (model: Model, each: string): boolean =>
  [...model.backups.values()].some((word) => lettersOf(word).has(each))

const damagedIn = (model: Model, word: string): string[] =>
  [...lettersOf(word)].filter((each) => model.damaged.has(each))

const nth = <T>(items: Iterable<T>, position: number): T | undefined => {
  const all = [...items]
  return all[position % all.length]
}

const world = () => {
  const clock = idleClock()
  const store = memoryObjectStore({ clock })
  return { store, actions: volumeActions({ store, clock, ids: countedIds() }) }
}
type World = ReturnType<typeof world>

const countIn = (word: string, wanted: ReadonlySet<string>): number =>
  [...word].filter((each) => wanted.has(each)).length

const damageBlock = (
  store: MemoryObjectStore,
  victim: string,
  how: (Step & { kind: 'damage' })['how'],
  compression: CompressionMethod,
): void => {
  const key = keys.block(checksumOfLetter(victim))
  const bytes = storedLetter(victim, compression)
  if (how === 'remove') store.remove(key)
  if (how === 'empty') store.setBytes(key, new Uint8Array())
  if (how === 'cut') store.setBytes(key, bytes.subarray(0, -1))
  if (how === 'other') store.setBytes(key, storedLetter(victim === 'A' ? 'B' : 'A', compression))
}

/** Which damaged blocks a backup sends again, by the rules of docs/backupstore-format.md. */
const sentAgain = (model: Model, world_: World, word: string, mode: 'incremental' | 'full'): string[] => {
  const base = [...model.backups.values()].at(-1)
  const inBase = lettersOf(mode === 'full' ? '' : (base ?? ''))
  const isThere = (each: string) => world_.store.bytesAt(keys.block(checksumOfLetter(each))) !== undefined
  return [...lettersOf(word)].filter(
    (each) => mode === 'full' || model.told.has(each) || (!inBase.has(each) && !isThere(each)),
  )
}

type Take = {
  [Kind in Step['kind']]: (model: Model, its: World, taken: Extract<Step, { kind: Kind }>) => Promise<void>
}

const take: Take = {
  backup: async (model, its, { mode, changes: at, namesChanges }) => {
    const word = changed(model.word, at)
    const repaired = sentAgain(model, its, word, mode)
    const [baseName, baseWord = ''] = [...model.backups].at(-1) ?? []
    const differs = (index: number) => (baseWord[index] ?? '.') !== word[index]
    const changedBlocks = async () => Uint32Array.from([...word].keys()).filter(differs)
    const base = namesChanges && baseName !== undefined ? { backupName: baseName, changedBlocks } : undefined
    model.made += 1
    const name = `b${model.made}`
    const result = await its.actions.backup(name, word, { mode, base, compression: model.compression })
    expect(result).toMatchObject({ backupName: name, blockCount: countIn(word, lettersOf(word)) })
    model.word = word
    model.backups.set(name, word)
    for (const each of repaired) {
      model.damaged.delete(each)
      model.told.delete(each)
    }
  },
  delete: async (model, its, { which: position }) => {
    const name = nth(model.backups.keys(), position)
    if (name === undefined) return
    expect(await its.actions.remove(name)).toMatchObject({ wasThere: true, collect: { kind: 'collected' } })
    model.backups.delete(name)
    afterCollection(model)
  },
  collect: async (model, its) => {
    const missing = [...model.damaged].filter(
      (each) => !its.store.bytesAt(keys.block(checksumOfLetter(each))),
    )
    expect(await its.actions.collect()).toMatchObject({ kind: 'collected', missingBlocks: missing.length })
    afterCollection(model)
  },
  verify: async (model, its, { which: position }) => {
    if (model.backups.size === 0) return
    const name = position === undefined ? undefined : nth(model.backups.keys(), position)
    const looked = [...model.backups].filter(([each]) => name === undefined || each === name)
    const result = await its.actions.verify(name)
    const read = lettersOf(looked.map(([, word]) => word).join(''))
    const bad = new Set([...read].filter((each) => model.damaged.has(each)))
    expect(new Set(result.bad.map(({ checksum }) => checksum))).toEqual(
      new Set([...bad].map(checksumOfLetter)),
    )
    expect(result.backups).toEqual(
      looked.map(([each, word]) => ({ name: each, badBlocks: countIn(word, bad) })),
    )
    expect(result).toMatchObject({ badConfigs: [], inProgress: [], checkedBlocks: read.size })
    for (const each of read) model.told.delete(each)
    for (const each of bad) model.told.add(each)
  },
  damage: async (model, its, { which: position, how }) => {
    const victim = nth(lettersOf([...model.backups.values()].join('')), position)
    if (victim === undefined) return
    damageBlock(its.store, victim, how, model.compression)
    model.damaged.add(victim)
  },
  expand: async (model, _its, { blocks }) => {
    model.word = model.word.padEnd(Math.min(maxBlocks, model.word.length + blocks), '.')
  },
  restore: async (model, its, { which: position, onto, from, drift }) => {
    const [name, word = ''] = nth(model.backups, position) ?? []
    if (name === undefined) return
    const [fromName = '', fromWord = ''] = nth(model.backups, from) ?? []
    const size = sizeBlocksOf(filesOf(its.store))
    const restored: Record<Onto, string | undefined> = {
      nothing: undefined,
      something: changed('.'.repeat(from + 1), drift),
      smaller: changed(fromWord, drift),
      grown: changed(fromWord.padEnd(size, '.'), drift),
    }
    const there = restored[onto]
    const isCompared = onto === 'smaller' || onto === 'grown'
    const wanted = asRestored(word, size)
    const found = asRestored(there ?? '', size)
    const isNeeded = (index: number) => !isCompared || found[index] !== wanted[index]
    const lost = [...word].flatMap((each, index) =>
      model.damaged.has(each) && isNeeded(index) ? [index] : [],
    )

    const target = letterTarget(there)
    const options = isCompared ? { fromBackupName: fromName } : {}
    const restoring = its.actions.restore(name, target, options)
    if (lost.length > 0) {
      const code = expect.stringMatching(/^(block-missing|invalid-block)$/)
      await expect(restoring).rejects.toMatchObject({ code })
      return salvage(its, name, { there, options, lost, wanted })
    }
    const result = await restoring
    expect(target.word()).toBe(wanted)
    const expected = asRestored(fromWord, size)
    const drifted = isCompared ? [...found].filter((each, index) => each !== expected[index]) : []
    expect(result).toMatchObject({ driftedBlocks: drifted.length, lost: [] })
  },
}

interface Salvage {
  there: string | undefined
  options: { fromBackupName?: string }
  /** Indexes. */
  lost: readonly number[]
  wanted: string
}

const salvage = async ({ actions }: World, name: string, { there, options, lost, wanted }: Salvage) => {
  const target = letterTarget(there)
  const result = await actions.restore(name, target, { ...options, salvage: true })
  const offsets = result.lost.flatMap(({ offsetsBytes }) => offsetsBytes).toSorted((a, b) => a - b)
  expect(offsets).toEqual(lost.map((index) => index * blockSizeBytes))
  expect(target.word()).toBe([...wanted].map((each, index) => (lost.includes(index) ? '.' : each)).join(''))
}

/** A block that no backup names any more is gone, and what was wrong with it; it may still be told of. */
const afterCollection = (model: Model): void => {
  for (const each of [...model.damaged]) if (!isStored(model, each)) model.damaged.delete(each)
}

export const sizeBlocksOf = (files: Files): number =>
  Number(volumeFileIn(files, volumeName).Size) / blockSizeBytes

/** All that must hold after each step. */
const check = async (model: Model, its: World): Promise<void> => {
  const files = filesOf(its.store)
  const { committed, inProgress, unused } = audit(files, volumeName)
  expect(new Set(committed.map(({ name }) => name))).toEqual(new Set(model.backups.keys()))
  expect({ inProgress, unused }).toEqual({ inProgress: [], unused: [] })
  const told = Buffer.from(files.get(keys.badBlocks) ?? []).toString()
  const toldSums = [...model.told].map(checksumOfLetter)
  expect(new Set(told.match(/"[0-9a-f]{64}"/g))).toEqual(new Set(toldSums.map((checksum) => `"${checksum}"`)))
  expect(volumeFileIn(files, volumeName).LastBackupName).toBe([...model.backups.keys()].at(-1) ?? '')
  for (const [name, word] of model.backups) {
    if (damagedIn(model, word).length > 0) continue
    const target = letterTarget()
    await its.actions.restore(name, target)
    expect([name, target.word()]).toEqual([name, asRestored(word, sizeBlocksOf(files))])
  }
}

export interface Told {
  files: Files
  /** Words by backup, of those that are whole. */
  whole: Map<string, string>
}

/** Lives through a story, checks each step, and returns how it ends. */
export const live = async ({ word, compression, steps }: Story): Promise<Told> => {
  const its = world()
  const model: Model = { word, compression, backups: new Map(), made: 0, damaged: new Set(), told: new Set() }
  for (const each of steps) {
    await (take[each.kind] as (model: Model, its: World, taken: Step) => Promise<void>)(model, its, each)
    await check(model, its)
  }
  const whole = [...model.backups].filter(([, each]) => damagedIn(model, each).length === 0)
  return { files: filesOf(its.store), whole: new Map(whole) }
}

/**
 * @module backup-model: a story lived through by a real volume, beside a plain model of what must come of it.
 *
 * The model: words by backup, which letters' blocks are damaged in the store, and which of those a verify has told of.
 */
import { expect } from 'vitest'
import type { CompressionMethod } from '#lib/backupstore/block.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import { memoryObjectStore, type MemoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { changed, maxBlocks, type Harm, type Step, type StepOf, type Story } from './backup-story.ts'
import { idleClock } from './idle-clock.ts'
import {
  asRestored,
  blockSizeBytes,
  checksumOfLetter,
  letterTarget,
  lettersIn,
  storedLetter,
} from './letter-volume.ts'
import { countedIds, volumeActions, volumeName } from './volume-actions.ts'
import { audit, filesOf, volumeFileIn, type Files } from './volume-audit.ts'

const keys = volumeKeys(volumeName)
const blockKey = (letter: string): string => keys.block(checksumOfLetter(letter))

interface Model {
  word: string
  compression: CompressionMethod
  /** Words, in the order they were backed up. */
  backups: Map<string, string>
  made: number
  damaged: Set<string>
  /** Told of by a verify, and not sent again since. */
  told: Set<string>
}

const newWorld = () => {
  const clock = idleClock()
  const store = memoryObjectStore({ clock })
  return { store, actions: volumeActions({ store, clock, ids: countedIds() }) }
}
type World = ReturnType<typeof newWorld>

/** `.` is in no backup. */
const distinctIn = (...words: string[]): Set<string> => new Set(lettersIn(words.join('').replaceAll('.', '')))

const countIn = (word: string, wanted: ReadonlySet<string>): number =>
  lettersIn(word).filter((letter) => wanted.has(letter)).length

const isDamaged = (model: Model, word: string): boolean => countIn(word, model.damaged) > 0

const nth = <T>(items: Iterable<T>, position: number): T | undefined => {
  const all = Array.from(items)
  return all[position % all.length]
}

const lastOf = <T>(items: Iterable<T>): T | undefined => Array.from(items).at(-1)

export const sizeBlocksOf = (files: Files): number =>
  Number(volumeFileIn(files, volumeName).Size) / blockSizeBytes

/** Which blocks a backup sends whatever is there, or because they are not there, by docs/backupstore-format.md. */
const sentAgain = (model: Model, { store }: World, word: string, mode: 'incremental' | 'full'): string[] => {
  const inBase = distinctIn(mode === 'full' ? '' : (lastOf(model.backups.values()) ?? ''))
  const isThere = (letter: string) => store.bytesAt(blockKey(letter)) !== undefined
  return [...distinctIn(word)].filter(
    (letter) => mode === 'full' || model.told.has(letter) || (!inBase.has(letter) && !isThere(letter)),
  )
}

const backUp = async (model: Model, its: World, { mode, changes, namesChanges }: StepOf<'backup'>) => {
  const word = changed(model.word, changes)
  const repaired = sentAgain(model, its, word, mode)
  const [baseName, baseWord = ''] = lastOf(model.backups) ?? []
  const changedBlocks = async () =>
    Uint32Array.from(lettersIn(word).keys()).filter((index) => (baseWord[index] ?? '.') !== word[index])
  const base = namesChanges && baseName !== undefined ? { backupName: baseName, changedBlocks } : undefined
  model.made += 1
  const name = `b${model.made}`
  const result = await its.actions.backup(name, word, { mode, base, compression: model.compression })
  expect(result).toMatchObject({ backupName: name, blockCount: countIn(word, distinctIn(word)) })
  model.word = word
  model.backups.set(name, word)
  for (const letter of repaired) {
    model.damaged.delete(letter)
    model.told.delete(letter)
  }
}

/** A block that no backup names any more is gone, and what was wrong with it; it may still be told of. */
const afterCollection = (model: Model): void => {
  const stored = distinctIn(...model.backups.values())
  for (const letter of model.damaged) if (!stored.has(letter)) model.damaged.delete(letter)
}

const remove = async (model: Model, its: World, { which }: StepOf<'delete'>) => {
  const name = nth(model.backups.keys(), which)
  if (name === undefined) return
  expect(await its.actions.remove(name)).toMatchObject({ wasThere: true, collect: { kind: 'collected' } })
  model.backups.delete(name)
  afterCollection(model)
}

const collect = async (model: Model, its: World) => {
  const missing = [...model.damaged].filter((letter) => !its.store.bytesAt(blockKey(letter)))
  const collected = { kind: 'collected', missingBlocks: missing.length }
  expect(await its.actions.collect()).toMatchObject(collected)
  afterCollection(model)
}

const verify = async (model: Model, its: World, { which }: StepOf<'verify'>) => {
  if (model.backups.size === 0) return
  const name = which === undefined ? undefined : nth(model.backups.keys(), which)
  const looked = [...model.backups].filter(([each]) => name === undefined || each === name)
  const result = await its.actions.verify(name)
  const read = distinctIn(...looked.map(([, word]) => word))
  const bad = new Set([...read].filter((letter) => model.damaged.has(letter)))
  expect(result.bad.map(({ checksum }) => checksum).toSorted()).toEqual(
    [...bad].map(checksumOfLetter).toSorted(),
  )
  expect(result.backups).toEqual(
    looked.map(([each, word]) => ({ name: each, badBlocks: countIn(word, bad) })),
  )
  expect(result).toMatchObject({ badConfigs: [], inProgress: [], checkedBlocks: read.size })
  for (const letter of read) model.told.delete(letter)
  for (const letter of bad) model.told.add(letter)
}

const harm = (store: MemoryObjectStore, letter: string, how: Harm, compression: CompressionMethod): void => {
  const key = blockKey(letter)
  if (how === 'remove') store.remove(key)
  if (how === 'empty') store.setBytes(key, new Uint8Array())
  if (how === 'cut') store.setBytes(key, storedLetter(letter, compression).subarray(0, -1))
  if (how === 'other') store.setBytes(key, storedLetter(letter === 'A' ? 'B' : 'A', compression))
}

const damage = (model: Model, its: World, { which, how }: StepOf<'damage'>): void => {
  const victim = nth(distinctIn(...model.backups.values()), which)
  if (victim === undefined) return
  harm(its.store, victim, how, model.compression)
  model.damaged.add(victim)
}

interface Restore {
  name: string
  /** What the target holds; `undefined`: it is new. */
  there: string | undefined
  options: { fromBackupName?: string }
  wanted: string
  /** Indexes of blocks that must be fetched, and can't be. */
  lost: readonly number[]
  drifted: number
}

const restoreOf = (model: Model, its: World, step: StepOf<'restore'>): Restore | undefined => {
  const [name, word = ''] = nth(model.backups, step.which) ?? []
  if (name === undefined) return undefined
  const [fromName = '', fromWord = ''] = nth(model.backups, step.from) ?? []
  const size = sizeBlocksOf(filesOf(its.store))
  const there = {
    nothing: undefined,
    something: changed('.'.repeat(step.from + 1), step.drift),
    smaller: changed(fromWord, step.drift),
    grown: changed(fromWord.padEnd(size, '.'), step.drift),
  }[step.onto]
  const isCompared = step.onto === 'smaller' || step.onto === 'grown'
  const [wanted, found, expected] = [word, there ?? '', fromWord].map((each) => asRestored(each, size))
  const isFetched = (index: number) => !isCompared || found?.[index] !== wanted?.[index]
  const indexes = Array.from({ length: size }, (_, index) => index)
  return {
    name,
    there,
    options: isCompared ? { fromBackupName: fromName } : {},
    wanted: wanted ?? '',
    lost: indexes.filter((index) => model.damaged.has(word[index] ?? '.') && isFetched(index)),
    drifted: isCompared ? indexes.filter((index) => found?.[index] !== expected?.[index]).length : 0,
  }
}

const restore = async (model: Model, its: World, step: StepOf<'restore'>) => {
  const planned = restoreOf(model, its, step)
  if (!planned) return
  const { name, there, options, wanted, lost, drifted } = planned
  const target = letterTarget(there)
  const restoring = its.actions.restore(name, target, options)
  if (lost.length === 0) {
    expect(await restoring).toMatchObject({ driftedBlocks: drifted, lost: [] })
    expect(target.word()).toBe(wanted)
  } else {
    const code = expect.stringMatching(/^(block-missing|invalid-block)$/)
    await expect(restoring).rejects.toMatchObject({ code })
    await salvage(its, planned)
  }
}

const salvage = async ({ actions }: World, { name, there, options, wanted, lost }: Restore) => {
  const target = letterTarget(there)
  const result = await actions.restore(name, target, { ...options, salvage: true })
  const offsets = result.lost.flatMap(({ offsetsBytes }) => offsetsBytes).toSorted((a, b) => a - b)
  expect(offsets).toEqual(lost.map((index) => index * blockSizeBytes))
  const left = lettersIn(wanted).map((letter, index) => (lost.includes(index) ? '.' : letter))
  expect(target.word()).toBe(left.join(''))
}

const take = async (model: Model, its: World, step: Step): Promise<void> => {
  switch (step.kind) {
    case 'backup':
      return backUp(model, its, step)
    case 'delete':
      return remove(model, its, step)
    case 'collect':
      return collect(model, its)
    case 'verify':
      return verify(model, its, step)
    case 'damage':
      return damage(model, its, step)
    case 'restore':
      return restore(model, its, step)
    case 'expand': {
      const size = Math.min(maxBlocks, model.word.length + step.blocks)
      model.word = model.word.padEnd(size, '.')
      return undefined
    }
    default:
      return step satisfies never
  }
}

/** All that must hold after each step. */
const check = async (model: Model, its: World): Promise<void> => {
  const files = filesOf(its.store)
  const { committed, inProgress, unused } = audit(files, volumeName)
  expect(committed.map(({ name }) => name).toSorted()).toEqual([...model.backups.keys()].toSorted())
  expect({ inProgress, unused }).toEqual({ inProgress: [], unused: [] })
  expect(volumeFileIn(files, volumeName).LastBackupName).toBe(lastOf(model.backups.keys()) ?? '')
  const told = Buffer.from(files.get(keys.badBlocks) ?? []).toString()
  const toldSums = told.match(/(?<=")[0-9a-f]{64}(?=")/g) ?? []
  expect(toldSums.toSorted()).toEqual([...model.told].map(checksumOfLetter).toSorted())
  for (const [name, word] of model.backups) {
    if (isDamaged(model, word)) continue
    const target = letterTarget()
    await its.actions.restore(name, target)
    expect([name, target.word()]).toEqual([name, asRestored(word, sizeBlocksOf(files))])
  }
}

export interface Ending {
  files: Files
  /** Words by backup, of those that nothing damaged. */
  whole: Map<string, string>
}

/** Lives through a story, and checks each step. */
export const live = async ({ word, compression, steps }: Story): Promise<Ending> => {
  const its = newWorld()
  const model: Model = { word, compression, backups: new Map(), made: 0, damaged: new Set(), told: new Set() }
  for (const step of steps) {
    await take(model, its, step)
    await check(model, its)
  }
  const whole = [...model.backups].filter(([, each]) => !isDamaged(model, each))
  return { files: filesOf(its.store), whole: new Map(whole) }
}

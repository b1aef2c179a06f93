/**
 * @module crash-matrix: stops an operation at each of its store calls, and looks at what is left, and at what can be made of it.
 *
 * After each stop: every committed backup restores to its content; what was answered is true; a second try ends well, and so
 * does another backup instead; and after a collection nothing is left that no backup needs.
 */
import { expect } from 'vitest'
import { memoryTarget } from '#lib/backup/memory-volume.ts'
import { CrashError, faultyObjectStore, type Fault } from '#lib/object-store/faulty-object-store.ts'
import { memoryObjectStore, type MemoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { ObjectStoreError } from '#lib/object-store/object-store.ts'
import { idleClock, type IdleClock } from '../idle-clock.ts'
import { blockSizeBytes } from '../letter-volume.ts'
import type { Judge } from '../readers.ts'
import { audit, filesOf, volumeFileIn, type Files } from '../volume-audit.ts'
import { countedIds, volumeActions, volumeName, type VolumeActions } from '../volume-actions.ts'
import {
  contents,
  damagedBytes,
  sha256OfBackup,
  type CrashOperation,
  type Stopped,
} from './crash-operations.ts'

const broken = new ObjectStoreError('failed', 'the store broke')

const readingFaults: Record<string, Fault> = {
  'crashed before': { kind: 'crash', when: 'before' },
  'failed before': { kind: 'fail', error: broken },
}

const faults: Record<string, Fault> = {
  ...readingFaults,
  'crashed after': { kind: 'crash', when: 'after' },
  'crashed in the middle of': { kind: 'crash', when: 'either' },
  'failed after': { kind: 'fail-after', error: broken },
}

interface Past {
  store: MemoryObjectStore
  atMs: number
  target: Stopped['target'] | undefined
}

const pastOf = async (operation: CrashOperation): Promise<Past> => {
  const clock = idleClock()
  const store = memoryObjectStore({ clock })
  await operation.before({ store, clock, actions: volumeActions({ store, clock, ids: countedIds() }) })
  return { store, atMs: clock.now().getTime(), target: operation.target?.() }
}

interface Left {
  store: MemoryObjectStore
  clock: IdleClock
  target: Stopped['target']
  /** `undefined`: the operation ended well. */
  error: Error | undefined
  /** Whether the fault struck: else the operation has fewer calls. */
  isStopped: boolean
}

const stopAt = async (operation: CrashOperation, past: Past, call: number, fault: Fault): Promise<Left> => {
  const clock = idleClock(past.atMs)
  const store = past.store.clone({ clock })
  const faulty = faultyObjectStore(store, { [call]: fault }, { seed: call, clock })
  const actions = volumeActions({ store: faulty, clock, ids: countedIds() })
  const target = past.target ? memoryTarget(past.target.content()) : memoryTarget()
  const error = await operation.run({ actions, target }).then(
    () => undefined,
    (reason: unknown) => (reason instanceof Error ? reason : new Error(String(reason))),
  )
  return { store, clock, target, error, isStopped: faulty.callCount() >= call }
}

/** Another run on the same store, begun at the time given; the store that was left stays as it is. */
const goOn = (left: Left, ms: number): Left & { actions: VolumeActions } => {
  const clock = idleClock(left.clock.now().getTime() + ms)
  const store = left.store.clone({ clock })
  return { ...left, store, clock, actions: volumeActions({ store, clock, ids: laterIds() }) }
}

const laterIds = () => {
  const ids = countedIds()
  return { name: (prefix: string) => ids.name(`${prefix}-later`) }
}

const sizeBlocksOf = (files: Files): number => Number(volumeFileIn(files, volumeName).Size) / blockSizeBytes

/** Of backups that were damaged before the operation, and not yet repaired, none is asked for. */
const withoutDamaged = (files: Files): Files => {
  const isDamaged = (key: string) => Buffer.compare(files.get(key) ?? damagedBytes, damagedBytes) === 0
  const lost = audit(files, volumeName).committed.filter(({ blocks }) => blocks.some(isDamaged))
  return new Map([...files].filter(([key]) => lost.every((backup) => backup.key !== key)))
}

/** Every committed backup is whole. */
const requireWhole = async (files: Files, judges: readonly Judge[]): Promise<void> => {
  const { committed, missing } = audit(files, volumeName)
  expect(missing).toEqual([])
  const expected = committed.map(({ name }) => [name, sha256OfBackup(name, sizeBlocksOf(files))])
  for (const judge of judges) expect([...(await judge.read(files, volumeName))]).toEqual(expected)
}

const committedIn = (files: Files): string[] => audit(files, volumeName).committed.map(({ name }) => name)

/** What was answered is true, and what was not asked for did not happen. */
const requireTrueAnswer = (operation: CrashOperation, past: Past, left: Left) => {
  const [before, committed] = [committedIn(filesOf(past.store)), committedIn(filesOf(left.store))]
  const { makes, removes = [] } = operation
  const isRemoved = (name: string) => removes.some((removed) => removed === name)
  for (const name of before) if (!isRemoved(name)) expect(committed).toContain(name)
  for (const name of committed) if (!before.includes(name)) expect(name).toBe(makes)
  if (left.error) return
  if (makes !== undefined) expect(committed).toContain(makes)
  for (const name of removes) expect(committed).not.toContain(name)
}

/** Longer than any lock is kept after its owner's death. */
const twoHoursMs = 2 * 3600 * 1000

const requireClean = async (left: Left, judges: readonly Judge[]) => {
  const later = goOn(left, twoHoursMs)
  expect(await later.actions.collect()).toMatchObject({ kind: 'collected', missingBlocks: 0 })
  const files = filesOf(later.store)
  expect(audit(files, volumeName)).toMatchObject({ inProgress: [], unused: [] })
  await requireWhole(files, judges)
  const committed = committedIn(files)
  const { LastBackupName } = volumeFileIn(files, volumeName)
  if (LastBackupName !== '') expect(committed).toContain(LastBackupName)
  else expect(committed).toEqual([])
  return { files, committed }
}

const tryAgain = async (operation: CrashOperation, left: Left, judges: readonly Judge[]): Promise<void> => {
  const second = goOn(left, 0)
  const target = left.target.content().length > 0 ? memoryTarget(left.target.content()) : memoryTarget()
  await operation.again({ actions: second.actions, target })
  const { files, committed } = await requireClean(second, judges)
  if (operation.isOfAll) expect([...files.keys()]).toEqual([])
  if (operation.remakes !== undefined) expect(committed).toContain(operation.remakes)
  for (const name of operation.removes ?? []) expect(committed).not.toContain(name)
}

/** Once the lock of the dead has expired. */
const backUpInstead = async (left: Left, judges: readonly Judge[]): Promise<void> => {
  const other = goOn(left, 151_000)
  await other.actions.backup('other', contents.other.padEnd(sizeBlocksOf(filesOf(left.store)), '.'))
  expect((await requireClean(other, judges)).committed).toContain('other')
}

export interface Matrix {
  /** Of the operation, when nothing stops it. */
  calls: number
  stops: number
}

/** @throws Error that names the stop after which something does not hold. */
export const stopAtEachCall = async (
  operation: CrashOperation,
  judges: readonly Judge[],
): Promise<Matrix> => {
  const past = await pastOf(operation)
  const matrix: Matrix = { calls: 0, stops: 0 }
  for (const [how, fault] of Object.entries(operation.isReading ? readingFaults : faults)) {
    for (let call = 1; ; call += 1) {
      const left = await stopAt(operation, past, call, fault)
      if (!left.isStopped) {
        expect(left.error).toBe(undefined)
        matrix.calls = call - 1
        break
      }
      matrix.stops += 1
      try {
        if (left.error) expect([CrashError, ObjectStoreError]).toContain(left.error.constructor)
        const files = filesOf(left.store)
        await requireWhole(operation.damaged === undefined ? files : withoutDamaged(files), judges)
        requireTrueAnswer(operation, past, left)
        await tryAgain(operation, left, judges)
        if (!operation.isReading) await backUpInstead(left, judges)
      } catch (cause) {
        throw new Error(`${operation.name} ${how} its call ${call}`, { cause })
      }
    }
  }
  return matrix
}

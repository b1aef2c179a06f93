/**
 * @module crash-operations: the operations that are stopped at each of their store calls, each on a volume of its own past.
 */
import { expect } from 'vitest'
import { memoryTarget } from '#lib/backup/memory-volume.ts'
import type { RestoreTarget } from '#lib/backup/restore-target.ts'
import { volumeKeys } from '#lib/backupstore/keys.ts'
import type { MemoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import { faultyObjectStore } from '#lib/object-store/faulty-object-store.ts'
import { checksumOfLetter, imageOf, sha256Of } from '../letter-volume.ts'
import { countedIds, volumeActions, volumeName, type VolumeActions } from '../volume-actions.ts'
import type { IdleClock } from '../idle-clock.ts'

/** The word that each backup holds, by name, for all that may come to be. */
export const contents = {
  b1: 'ABcA.D',
  b2: 'AEcF.D',
  b3: 'GEcF0.',
  // What the operations make: it has a new block twice, one of b1 that b2 lacks, one that b2 has elsewhere.
  new: 'AHBHFc',
  again: 'AHBHFc',
  other: 'JEcF.H',
  // Of a volume that grew.
  grown: 'AEcF.DKL',
  grownAgain: 'AEcF.DKL',
} as const
export type BackupName = keyof typeof contents

export interface Stopped {
  actions: VolumeActions
  /** Where a restore of this run writes; what it holds outlives the crash, as a disk's content does. */
  target: RestoreTarget & { content: () => Uint8Array }
}

export interface CrashOperation {
  name: string
  /** Done before, and not stopped. */
  before: (past: { actions: VolumeActions; store: MemoryObjectStore; clock: IdleClock }) => Promise<unknown>
  run: (run: Stopped) => Promise<unknown>
  /** The second try. */
  again: (run: Stopped) => Promise<unknown>
  /** The backup that `run` makes. */
  makes?: BackupName
  /** The backup that `again` makes. */
  remakes?: BackupName
  /** Backups that may be gone from when `run` began, and must be once it ended well. */
  removes?: readonly BackupName[]
  /** After its second try and a collection there is not one object. */
  isOfAll?: boolean
  /** A letter whose block is damaged before; each backup that is made has it, and so repairs it. */
  damaged?: string
  /** It writes nothing to the store. */
  isReading?: boolean
  /** What `before` restored to the target, if anything. */
  target?: () => Stopped['target']
}

const make = (name: BackupName, options?: Parameters<VolumeActions['backup']>[2]) => ({
  makes: name,
  run: ({ actions }: Stopped) => actions.backup(name, contents[name], options),
  again: ({ actions }: Stopped) => actions.backup(againOf(name), contents[againOf(name)], options),
  remakes: againOf(name),
})

const againOf = (name: BackupName): BackupName => (name === 'grown' ? 'grownAgain' : 'again')

const three: CrashOperation['before'] = async ({ actions }) => {
  for (const name of ['b1', 'b2', 'b3'] as const) await actions.backup(name, contents[name])
}

const two: CrashOperation['before'] = async ({ actions }) => {
  for (const name of ['b1', 'b2'] as const) await actions.backup(name, contents[name])
}

/** A backup's crash before its commit, or a deletion's before its blocks were deleted. */
const crashed = async (
  past: Parameters<CrashOperation['before']>[0],
  call: number,
  of: 'backup' | 'removal',
) => {
  const store = faultyObjectStore(past.store, { [call]: { kind: 'crash', when: 'either' } })
  const actions = volumeActions({ store, clock: past.clock, ids: countedIds() })
  await expect(of === 'backup' ? actions.backup('crashed', 'AMNM.P') : actions.remove('b1')).rejects.toThrow()
}

export const damagedBytes = Buffer.from('damaged')

const damage = (store: MemoryObjectStore, letter: string): void => {
  store.setBytes(volumeKeys(volumeName).block(checksumOfLetter(letter)), damagedBytes)
}

const remove = (...names: BackupName[]) => {
  const run = async ({ actions }: Stopped) => {
    for (const name of names) await actions.remove(name)
  }
  return { run, again: run, removes: names }
}

const restore = (name: BackupName, fromBackupName?: BackupName) => {
  const run = async ({ actions, target }: Stopped) => {
    await actions.restore(name, target, { fromBackupName })
    expect(Buffer.compare(target.content(), imageOf(contents[name]))).toBe(0)
  }
  return { run, again: run, isReading: true }
}

const collect = {
  run: ({ actions }: Stopped) => actions.collect(),
  again: ({ actions }: Stopped) => actions.collect(),
}

export const crashOperations: CrashOperation[] = [
  { name: 'a first backup', before: async () => {}, ...make('new') },
  { name: 'an incremental backup', before: two, ...make('new') },
  {
    name: 'an incremental backup whose caller names the changed blocks',
    before: two,
    ...make('new', {
      base: { backupName: 'b2', changedBlocks: async () => Uint32Array.of(1, 2, 3, 4, 5) },
    }),
  },
  {
    name: 'an incremental backup that returns to blocks of a backup deleted before',
    before: async (past) => {
      await two(past)
      await past.actions.remove('b1', { skipCollect: true })
    },
    ...make('new'),
  },
  { name: 'an incremental backup of a volume that grew', before: two, ...make('grown') },
  {
    name: 'an incremental backup that repairs a block',
    before: async (past) => {
      await two(past)
      damage(past.store, 'c')
      expect(await past.actions.verify()).toMatchObject({ bad: [{ checksum: checksumOfLetter('c') }] })
    },
    ...make('new'),
    damaged: 'c',
  },
  { name: 'a full backup', before: two, ...make('new', { mode: 'full' }) },
  {
    name: 'a backup after one that crashed',
    before: async (past) => {
      await two(past)
      await crashed(past, 12, 'backup')
    },
    ...make('new'),
  },
  { name: 'a restore to a new volume', before: three, ...restore('b2') },
  {
    name: 'a restore onto an earlier backup',
    before: three,
    ...restore('b3', 'b1'),
    target: () => memoryTarget(imageOf(contents.b1)),
  },
  {
    name: 'the deletion of the only backup',
    before: async ({ actions }) => actions.backup('b1', contents.b1),
    ...remove('b1'),
  },
  { name: 'the deletion of the first backup', before: three, ...remove('b1') },
  { name: 'the deletion of a backup in the middle', before: three, ...remove('b2') },
  { name: 'the deletion of the last backup', before: three, ...remove('b3') },
  { name: 'the deletion of two backups', before: three, ...remove('b3', 'b1') },
  {
    name: 'a collection after a backup that crashed',
    before: async (past) => {
      await three(past)
      await crashed(past, 14, 'backup')
    },
    ...collect,
  },
  {
    name: 'a collection after a deletion that crashed',
    before: async (past) => {
      await three(past)
      await crashed(past, 12, 'removal')
    },
    ...collect,
  },
  {
    name: 'the deletion of the volume',
    before: three,
    run: ({ actions }) => actions.removeVolume(),
    again: ({ actions }) => actions.removeVolume(),
    removes: ['b1', 'b2', 'b3'],
    isOfAll: true,
  },
]

export const wordOf = (name: string): string => {
  const word = Object.entries(contents).find(([known]) => known === name)?.[1]
  if (word === undefined) throw new Error(`nobody made a backup ${name}`)
  return word
}

export const sha256OfBackup = (name: string, volumeBlocks: number): string =>
  sha256Of(wordOf(name), volumeBlocks)

/**
 * @module file-operations: operations on image files and a folder, as a child process performs them that is killed on the way,
 * and as the test performs them again.
 */
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock, type Clock } from '#lib/base/clock.ts'
import { blockWorkers } from '#lib/backup/block-workers.ts'
import { fileSource } from '#lib/backup/file-source.ts'
import { fileTarget } from '#lib/backup/file-target.ts'
import type { ObjectStore } from '#lib/object-store/object-store.ts'
import { blockSizeBytes, imageOf, lettersIn } from '../letter-volume.ts'
import { countedIds, volumeActions, type VolumeActions } from '../volume-actions.ts'
import { contents, type BackupName } from './crash-operations.ts'

export const operationNames = [
  'first backup',
  'incremental backup',
  'backup of a volume that grew',
  'full backup',
  'restore to a new file',
  'restore onto an earlier backup',
  'deletion of the first backup',
  'deletion of the last backup',
  'collection',
  'deletion of the volume',
] as const
export type OperationName = (typeof operationNames)[number]

/** A sparse file. */
export const writeImage = (path: string, word: string): void => {
  const file = openSync(path, 'w')
  ftruncateSync(file, word.length * blockSizeBytes)
  for (const [index, letter] of lettersIn(word).entries()) {
    if (letter !== '.') writeSync(file, imageOf(letter), 0, blockSizeBytes, index * blockSizeBytes)
  }
  closeSync(file)
}

export interface FileWorld {
  store: ObjectStore
  /** Of image files, each named for its backup. */
  images: string
  /** Where restores write. */
  outputs: string
  /** The time written in configs: two runs at the same time make the same store, to the byte. */
  time: string
}

/** Nobody else is there to be waited for. */
const clockAt = (time: string): Clock => ({
  now: () => new Date(time),
  sleep: (ms, signal) => systemClock.sleep(ms > 2000 ? ms : 1, signal),
})

export const fileActions = ({ store, images, time }: FileWorld): VolumeActions => {
  const actions = volumeActions({ store, clock: clockAt(time), ids: countedIds() })
  return {
    ...actions,
    backup: async (name, word, options) => {
      const workers = blockWorkers(2)
      try {
        const source = await fileSource(join(images, name), workers)
        const result = await actions.backup(name, word, { ...options, source })
        await source.close()
        return result
      } finally {
        await workers.close()
      }
    },
  }
}

export const outputName = 'restored'

const restore = async (world: FileWorld, name: BackupName, fromBackupName?: BackupName) => {
  const workers = blockWorkers(2)
  try {
    const target = await fileTarget(join(world.outputs, outputName), workers)
    await fileActions(world).restore(name, target, { fromBackupName })
    await target.finish()
  } finally {
    await workers.close()
  }
}

/** `isAgain`: the second try, which gives a backup another name. */
export const perform = async (
  operation: OperationName,
  world: FileWorld,
  isAgain: boolean,
): Promise<unknown> => {
  const actions = fileActions(world)
  const name: BackupName = isAgain ? 'again' : 'new'
  const grown: BackupName = isAgain ? 'grownAgain' : 'grown'
  switch (operation) {
    case 'first backup':
    case 'incremental backup':
      return actions.backup(name, contents[name])
    case 'backup of a volume that grew':
      return actions.backup(grown, contents[grown])
    case 'full backup':
      return actions.backup(name, contents[name], { mode: 'full' })
    case 'restore to a new file':
      return restore(world, 'b2')
    case 'restore onto an earlier backup':
      return restore(world, 'b3', 'b1')
    case 'deletion of the first backup':
      return actions.remove('b1')
    case 'deletion of the last backup':
      return actions.remove('b3')
    case 'collection':
      return actions.collect()
    case 'deletion of the volume':
      return actions.removeVolume()
    default:
      return operation satisfies never
  }
}

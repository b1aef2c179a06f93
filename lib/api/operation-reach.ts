/**
 * @module operation-reach: what an operation on a backup volume reads, puts and deletes there: no more than this go its credentials.
 */
import { volumeKeys, volumesFolder, type VolumeKeys } from '#lib/backupstore/keys.ts'
import { namesAnewPattern } from '#lib/operation/name-anew.ts'
import type { Operation } from '#lib/operation/operation.ts'
import type { OperationKind, ParametersOf } from '#lib/operation/operation-kinds.ts'
import type { Reach } from '#lib/target/session-policy.ts'

/** A look at a target: all of it is read. */
export const indexReach: Reach = { folder: volumesFolder, puts: [], deletes: [], names: {} }

/** Its own key, and those that it takes when it is made anew; below the volume's folder. */
const ownKeys = ({ folder }: VolumeKeys, key: string): string[] => {
  const own = key.slice(folder.length)
  const dot = own.lastIndexOf('.')
  return [own, namesAnewPattern(own.slice(0, dot)) + own.slice(dot)]
}

const createBackupReach = (keys: VolumeKeys, parameters: ParametersOf<'create-backup'>) => {
  const { backup, lock } = parameters
  return {
    puts: 'all',
    deletes: [...ownKeys(keys, keys.lock(lock)), ...ownKeys(keys, keys.backupConfig(backup))],
    names: { 'name of the backup': backup },
  } as const
}

/** One that needs to reach a target. */
export type TargetOperation = Operation & { parameters: { target: string; backupVolume: string } }

export const isOnTarget = (operation: Operation): operation is TargetOperation =>
  'target' in operation.parameters

const isKind = <Kind extends OperationKind>(
  operation: Operation,
  kind: Kind,
): operation is Operation & Operation<Kind> => operation.kind === kind

/** A kind that is not told of here only reads. */
const verbsOf = (keys: VolumeKeys, operation: Operation): Pick<Reach, 'puts' | 'deletes' | 'names'> => {
  if (isKind(operation, 'create-backup')) return createBackupReach(keys, operation.parameters)
  if (operation.kind === 'delete-backup' || operation.kind === 'collect-blocks')
    return { puts: 'all', deletes: 'all', names: {} }
  if (operation.kind === 'verify-backup') {
    const badBlocks = keys.badBlocks.slice(keys.folder.length)
    return { puts: [badBlocks], deletes: [badBlocks], names: {} }
  }
  return { puts: [], deletes: [], names: {} }
}

/** Only of the backup volume that it is about. @throws BackupstoreError `invalid-name`. */
export const operationReach = (operation: TargetOperation): Reach => {
  const { backupVolume } = operation.parameters
  const keys = volumeKeys(backupVolume)
  const verbs = verbsOf(keys, operation)
  return {
    folder: keys.folder,
    ...verbs,
    names: { 'name of the backup volume': backupVolume, ...verbs.names },
  }
}

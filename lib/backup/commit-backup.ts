/**
 * @module commit-backup: the end of a backup: the lock confirmed, doubtful blocks looked at again, the config put over our mark.
 */
import { encodeBackupConfig, type BackupConfig } from '#lib/backupstore/backup-config.ts'
import { readBackupHeader } from '#lib/backupstore/backup-volume.ts'
import type { BlockList } from '#lib/backupstore/block-list.ts'
import { markLostError } from '#lib/backupstore/in-progress.ts'
import { BackupError } from './backup-error.ts'
import type { BackupState } from './backup-state.ts'
import type { BackupRun } from './create-backup.ts'
import type { SendBlocks } from './send-blocks.ts'

/** Between the lock's refresh and the commit. */
const freshLockMs = 30_000

/**
 * The lock is confirmed first: what is looked at after that cannot be taken away by a deletion that we did not see. Where looking
 * took long, the lock is confirmed once more, so that the commit comes under a fresh one even if the store has no conditional writes.
 */
export const prepareCommit = async (
  run: BackupRun,
  state: BackupState,
  blocks: BlockList,
  sender: SendBlocks,
): Promise<void> => {
  const { clock } = run.deps
  await confirmLock(run)
  for (;;) {
    const confirmedAt = clock.now().getTime()
    await sender.recheck(blocks, state.base === undefined, (index, checksum) =>
      readAgainAs(run, state, index, checksum),
    )
    if (clock.now().getTime() - confirmedAt <= freshLockMs || (await confirmLock(run)) === 'held') return
  }
}

/** @throws BackupstoreError `mark-lost` where the lock had to be taken again and the mark is gone. */
const confirmLock = async ({
  deps,
  keys,
  backupName,
  lock,
  markEtag,
}: BackupRun): Promise<'held' | 'retaken'> => {
  const outcome = await lock.confirm()
  if (outcome === 'held') return outcome
  const head = await deps.store.head(keys.backupConfig(backupName))
  if (head?.etag !== markEtag) throw markLostError(keys, backupName)
  return outcome
}

const readAgainAs = async (
  { command }: BackupRun,
  state: BackupState,
  index: number,
  checksum: string,
): Promise<Uint8Array> => {
  const { source } = command
  const read = await source.read({ index, blockSizeBytes: state.blockSizeBytes, method: state.compression })
  if (read.stored && read.checksum === checksum) return read.stored
  throw new BackupError(
    'source-changed',
    `block ${index} of ${source.description} changed while it was backed up`,
  )
}

/** An answer may get lost, and the put be tried again over what it wrote: then what is there is our own commit. */
export const putCommit = async (run: BackupRun, config: BackupConfig): Promise<void> => {
  const { deps, command, keys, backupName, markEtag } = run
  command.signal?.throwIfAborted()
  const condition = { kind: 'unchanged', etag: markEtag } as const
  const result = await deps.store.put(keys.backupConfig(backupName), encodeBackupConfig(config), {
    condition,
  })
  if (result.kind === 'stored') return
  const there = await readBackupHeader(deps.store, keys, backupName)
  const isOurs =
    there?.value.createdAt === config.createdAt &&
    there.value.snapshotName === config.snapshotName &&
    there.value.snapshotCreatedAt === config.snapshotCreatedAt
  if (!isOurs) throw markLostError(keys, backupName)
}

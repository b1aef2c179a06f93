/**
 * @module transfer-blocks: the middle of a backup: reads what the plan says, sends what the store lacks, collects the list.
 */
import { forEachConcurrently } from '#lib/base/concurrency.ts'
import { MiB } from '#lib/base/sizes.ts'
import { blockListBuilder, checksumAt, positionOf, type BlockList } from '#lib/backupstore/block-list.ts'
import { zeroBlockChecksum } from '#lib/backupstore/block.ts'
import { checksumSet } from '#lib/backupstore/checksum-set.ts'
import { checkpoints, resumedBlocks } from './backup-checkpoint.ts'
import { BackupError } from './backup-error.ts'
import { planBackup, type BackupPlan } from './backup-plan.ts'
import type { BackupState } from './backup-state.ts'
import type { BlockSource } from './block-source.ts'
import type { BackupRun, CreateBackup } from './create-backup.ts'
import { listBlocks, sendBlocks, type SendBlocks } from './send-blocks.ts'

const concurrencyOf = (command: CreateBackup, { blockSizeBytes }: BackupState): number =>
  command.concurrency ?? Math.max(2, Math.min(8, (16 * MiB) / blockSizeBytes))

export interface Transferred {
  blocks: BlockList
  sender: SendBlocks
  readBlocks: number
}

const plannedBlocks = async (
  run: BackupRun,
  state: BackupState,
  allocated: Uint32Array | undefined,
): Promise<BackupPlan> => {
  const { blockSizeBytes, bad } = state
  const base = state.base?.blocks
  return planBackup({
    blockCount: run.command.source.sizeBytes / blockSizeBytes,
    base,
    allocated,
    changed: await state.changedBlocks?.(blockSizeBytes),
    isBad: (position) => base !== undefined && bad.has(checksumAt(base, position)),
  })
}

const senderFor = async (
  run: BackupRun,
  state: BackupState,
  resumed: ReadonlyMap<number, string>,
): Promise<SendBlocks> => {
  const { deps, command, keys } = run
  const mode = command.mode ?? 'incremental'
  const assumed = checksumSet(state.base?.blocks.count)
  if (state.base) assumed.addPacked(state.base.blocks.checksums)
  for (const checksum of resumed.values()) assumed.add(checksum)
  const present = mode === 'full' ? await listBlocks(deps.store, keys, command.signal) : undefined
  const settings = {
    keys,
    mode,
    assumed,
    bad: state.bad,
    present,
    concurrency: concurrencyOf(command, state),
    signal: command.signal,
  }
  return sendBlocks(deps.store, settings, command.resume?.totals)
}

/** Reads what the plan says, sends what the store lacks. */
export const transferBlocks = async (run: BackupRun, state: BackupState): Promise<Transferred> => {
  const { command } = run
  const { source } = command
  const { blockSizeBytes, compression: method } = state
  const base = state.base?.blocks
  const allocated = await source.allocatedBlocks(blockSizeBytes)
  const plan = await plannedBlocks(run, state, allocated)
  const resumed = new Map(resumedBlocks(command.resume))
  const reads = resumed.size === 0 ? plan.read : plan.read.filter((index) => !resumed.has(index))
  const sender = await senderFor(run, state, resumed)
  const found = blockListBuilder(blockSizeBytes, plan.keep.length + plan.read.length + 1)
  if (base)
    for (const position of plan.keep) found.set(base.indexes[position] ?? 0, checksumAt(base, position))
  for (const [index, checksum] of resumed) found.set(index, checksum)
  const journal = await checkpoints(run, sender.totals)

  /** Where nobody knows what is allocated, zeros are what never was. */
  const isLeftOut = (checksum: string) =>
    allocated === undefined && checksum === zeroBlockChecksum(blockSizeBytes)
  const progress = { doneBytes: 0, totalBytes: reads.length * blockSizeBytes }
  const tell = () =>
    command.onProgress?.({ ...progress, sentBytes: sender.totals.newBytes + sender.totals.reSentBytes })
  const readAndSend = async (index: number): Promise<void> => {
    const skipIf = command.mode === 'full' ? undefined : expectedChecksum(base, index, state.bad)
    const { checksum, stored } = await source.read({ index, blockSizeBytes, method, skipIf })
    if (!isLeftOut(checksum)) {
      if (stored && (await sender.ensure(index, checksum, stored))) await journal.sent(index, checksum)
      found.set(index, checksum)
    }
    progress.doneBytes += blockSizeBytes
    tell()
  }
  tell()
  await forEachConcurrently(
    reads,
    { limit: concurrencyOf(command, state), signal: command.signal },
    readAndSend,
  )
  await journal.flush()
  await requireUnchanged(source)
  return { blocks: found.build(), sender, readBlocks: reads.length }
}

const requireUnchanged = async (source: BlockSource): Promise<void> => {
  if (!(await source.hasChanged())) return
  throw new BackupError('source-changed', `${source.description} was written to while it was backed up`, {
    hint: 'back up a snapshot, or stop what writes to it; nothing was committed',
  })
}

/** What the base has at an index, unless the store's copy of it is bad and must be sent again. */
const expectedChecksum = (
  base: BlockList | undefined,
  index: number,
  bad: ReadonlySet<string>,
): string | undefined => {
  const position = base ? positionOf(base, index) : -1
  if (!base || position < 0) return undefined
  const checksum = checksumAt(base, position)
  return bad.has(checksum) ? undefined : checksum
}

/**
 * @module backup-checkpoint: what a caller keeps of a running backup, so that it can be resumed after a crash.
 *
 * Under the same mark nobody collects, so what was sent before the crash is still there. The source must be the same snapshot.
 */
import { checksumBytes } from '#lib/backupstore/checksum.ts'
import type { SentTotals } from './send-blocks.ts'

/** An entry of `sent`: the block's index (4 bytes, little-endian), its checksum (32 bytes). */
export const packedEntryBytes = 4 + checksumBytes

export interface BackupCheckpoint {
  backupName: string
  lockName: string
  markEtag: string
  snapshotName: string
  /** Blocks sent since the last checkpoint; to be appended to what earlier ones said. */
  sent: Uint8Array
  /** So far. */
  totals: SentTotals
}

export interface ResumeBackup {
  backupName: string
  lockName: string
  markEtag: string
  /** Of all checkpoints, one after another. */
  sent: Uint8Array
  /** Of the last checkpoint. */
  totals: SentTotals
}

/** What a resumed backup has sent already: index and checksum. */
export const resumedBlocks = function* (resume: ResumeBackup | undefined): Generator<[number, string]> {
  if (!resume) return
  const entries = Buffer.from(resume.sent)
  for (let at = 0; at < entries.length; at += packedEntryBytes) {
    yield [entries.readUInt32LE(at), entries.toString('hex', at + 4, at + packedEntryBytes)]
  }
}

const blocksPerCheckpoint = 64

interface CheckpointRun {
  command: { onCheckpoint?: ((checkpoint: BackupCheckpoint) => Promise<void>) | undefined }
  backupName: string
  snapshotName: string
  lock: { readonly name: string }
  markEtag: string
}

/** Tells of the start at once, and then of every 64 blocks. */
export const checkpoints = async (
  run: CheckpointRun,
  totals: SentTotals,
): Promise<{ sent(index: number, checksum: string): Promise<void>; flush(): Promise<void> }> => {
  let entries: Buffer[] = []
  const flush = async () => {
    const sent = Buffer.concat(entries)
    entries = []
    const { backupName, snapshotName, markEtag } = run
    await run.command.onCheckpoint?.({
      backupName,
      snapshotName,
      markEtag,
      lockName: run.lock.name,
      sent,
      totals: { ...totals },
    })
  }
  await flush()
  return {
    flush,
    sent: async (index, checksum) => {
      if (!run.command.onCheckpoint) return
      const entry = Buffer.alloc(packedEntryBytes)
      entry.writeUInt32LE(index)
      entry.write(checksum, 4, 'hex')
      entries.push(entry)
      if (entries.length >= blocksPerCheckpoint) await flush()
    },
  }
}

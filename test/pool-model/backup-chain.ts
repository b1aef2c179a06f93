/**
 * @module backup-chain: the backups of one volume, made as its life goes on, into a store in memory.
 *
 * Where the process dies in a backup, only its pool dies with it: what it holds in the store it gives back. What a death leaves
 * in a store is the matter of test/crash.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { systemClock } from '#lib/base/clock.ts'
import { randomIds } from '#lib/base/ids.ts'
import { silentLog } from '#lib/base/log.ts'
import { backUpVolume, type BackUpVolumeResult } from '#lib/backup/back-up-volume.ts'
import type { BlockWorkers } from '#lib/backup/block-workers.ts'
import { fileTarget } from '#lib/backup/file-target.ts'
import { listBackupVolume } from '#lib/backup/list-backups.ts'
import { restoreBackup } from '#lib/backup/restore-backup.ts'
import { memoryObjectStore } from '#lib/object-store/memory-object-store.ts'
import type { Pool } from '#lib/volume/pool.ts'
import { sha256 } from './audit-volume.ts'
import { copiedContent } from './linux-contents.ts'

const target = 'memory://model'

export interface BackupChain {
  /** The name of the next one. */
  next(content: Buffer): string
  make(pool: Pool, backupName: string, snapshotName: string | undefined): Promise<BackUpVolumeResult>
  /** That the backup must be there from now on. */
  made(backupName: string): void
  /** The largest size that was tried: a smaller snapshot cannot be backed up any more. */
  largestBytes(): number
  /** Restores every backup. How many there were. */
  check(scratch: string): Promise<number>
}

const sha256OfFile = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

export const backupChain = (volume: string, workers: BlockWorkers): BackupChain => {
  const store = memoryObjectStore()
  const deps = { store, clock: systemClock, ids: randomIds, log: silentLog, workers }
  const contents = new Map<string, Buffer>()
  const committed = new Set<string>()

  const contentOf = (name: string): Buffer => {
    const content = contents.get(name)
    if (content) return content
    throw new Error(`nobody made the backup ${name}`)
  }

  const restored = async (
    scratch: string,
    backupName: string,
  ): Promise<{ sha256: string; sizeBytes: number }> => {
    const path = join(scratch, `${volume}-${backupName}.img`)
    const file = await fileTarget(path, workers)
    const { volumeSizeBytes } = await restoreBackup({ store })({
      volumeName: volume,
      backupName,
      target: file,
    })
    await file.finish()
    const hash = await sha256OfFile(path)
    await rm(path)
    return { sha256: hash, sizeBytes: volumeSizeBytes }
  }

  return {
    next: (content) => {
      const name = `backup-${contents.size + 1}`
      contents.set(name, content)
      return name
    },
    make: (pool, backupName, snapshotName) =>
      backUpVolume({ ...deps, pool })({
        poolVolumeName: volume,
        volumeName: volume,
        target,
        backupName,
        snapshotName,
        labels: {},
      }),
    made: (backupName) => void committed.add(backupName),
    largestBytes: () => Math.max(0, ...[...contents.values()].map(({ length }) => length)),
    check: async (scratch) => {
      const listed = await listBackupVolume({ store })(volume)
      const names = (listed?.backups ?? [])
        .filter(({ state }) => state === 'completed')
        .map(({ name }) => name)
      const lost = [...committed].filter((name) => !names.includes(name))
      if (lost.length > 0) throw new Error(`backups that were made are not there: ${lost.join()}`)
      for (const name of names) {
        // A volume that grew since is restored in its new size.
        const { sha256: found, sizeBytes } = await restored(scratch, name)
        const wanted = sha256(copiedContent(contentOf(name), sizeBytes))
        if (found !== wanted) throw new Error(`${name} does not restore to its snapshot's content`)
      }
      return names.length
    },
  }
}

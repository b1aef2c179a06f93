/**
 * @module file-target: a file or block device as the target of a restore.
 *
 * A new file is written under a temporary name beside its final one, which it gets when it is complete. What exists is
 * written in place. A block device is opened exclusively, so that a mounted one is refused by the kernel.
 */
import { constants } from 'node:fs'
import { link, open, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncFolder } from '#lib/base/durable-file.ts'
import { MiB } from '#lib/base/sizes.ts'
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import { BackupError } from './backup-error.ts'
import type { BlockWorkers } from './block-workers.ts'
import { sizeOf } from './file-source.ts'
import type { RestoreTarget } from './restore-target.ts'

type Existing = 'nothing' | 'file' | 'device'

const whatIsThere = async (path: string): Promise<Existing> => {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new BackupError('target-failed', `cannot look at ${path}`, { cause: error })
  })
  if (!found) return 'nothing'
  if (found.isFile()) return 'file'
  if (found.isBlockDevice()) return 'device'
  throw new BackupError('target-failed', `${path} is neither a file nor a block device`, {
    hint: 'name a file to make, or a device',
  })
}

/** Not in Node's constants on every platform, but the same on all Linux ones. */
const exclusive = constants.O_EXCL

const flagsFor: Record<Existing, number> = {
  nothing: constants.O_RDWR | constants.O_CREAT | constants.O_EXCL,
  file: constants.O_RDWR,
  // Without O_CREAT this is a claim on the device, which fails with EBUSY while it is mounted: open(2).
  device: constants.O_RDWR | exclusive,
}

const openTarget = async (path: string, existing: Existing): Promise<FileHandle> =>
  open(path, flagsFor[existing], 0o600).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EBUSY') {
      throw new BackupError('target-busy', `${path} is in use`, {
        cause,
        hint: 'unmount it, and stop whatever has it open, then try again',
      })
    }
    throw new BackupError('target-failed', `cannot write to ${path}`, {
      cause,
      hint: 'check the path, and that you may write there',
    })
  })

const writeFailed = (path: string) => (cause: unknown) => {
  if (cause instanceof BackupstoreError) throw cause
  throw new BackupError('target-failed', `writing ${path} failed`, {
    cause,
    hint: 'is there room? the kernel log tells of I/O errors',
  })
}

const syncEveryBytes = 64 * MiB

/**
 * Has what is written taken to the disk while the rest is on its way: left to itself, the system waits for gigabytes to gather,
 * and the end of a restore waits for all of them. An error is told only once by the system, so it is kept.
 */
const earlySync = (file: FileHandle): { wrote: (bytes: number) => void; end: () => Promise<void> } => {
  let unsyncedBytes = 0
  let running: Promise<void> | undefined
  let failure: { error: unknown } | undefined
  const sync = async () => {
    unsyncedBytes = 0
    await file.datasync().catch((error: unknown) => {
      failure ??= { error }
    })
    running = undefined
  }
  return {
    wrote: (bytes) => {
      unsyncedBytes += bytes
      if (unsyncedBytes >= syncEveryBytes) running ??= sync()
    },
    end: async () => {
      await running
      if (failure) throw failure.error
    },
  }
}

/** A regular file in a folder, or a device. @throws BackupError `target-busy`, `target-failed`. */
export const fileTarget = async (path: string, workers: BlockWorkers): Promise<RestoreTarget> => {
  const existing = await whatIsThere(path)
  const isNew = existing === 'nothing'
  const writtenPath = isNew ? join(dirname(path), `.${basename(path)}.drover-restore`) : path
  if (isNew) await rm(writtenPath, { force: true })
  const file = await openTarget(writtenPath, existing)
  const early = earlySync(file)

  const prepareDevice = async (sizeBytes: number) => {
    const room = await sizeOf(file)
    if (room >= sizeBytes) return
    throw new BackupError('target-size', `${path} has ${room} bytes, the volume has ${sizeBytes}`, {
      hint: 'use a device at least as large',
    })
  }
  return {
    description: path,
    isNew,
    prepare: (sizeBytes) =>
      existing === 'device' ? prepareDevice(sizeBytes) : file.truncate(sizeBytes).catch(writeFailed(path)),
    write: async (block, indexes) => {
      await workers.run({ kind: 'write', fd: file.fd, block, indexes }).catch(writeFailed(path))
      early.wrote(indexes.length * block.blockSizeBytes)
    },
    checksum: (index, blockSizeBytes) =>
      workers.run({ kind: 'hash', fd: file.fd, index, blockSizeBytes }).catch((cause: unknown) => {
        throw new BackupError('target-failed', `reading ${path} failed`, { cause })
      }),
    zero: (index, blockSizeBytes) =>
      workers.run({ kind: 'zero', fd: file.fd, index, blockSizeBytes }).catch(writeFailed(path)),
    finish: async () => {
      await early.end().catch(writeFailed(path))
      await file.sync().catch(writeFailed(path))
      await file.close()
      if (isNew) await publish(writtenPath, path)
    },
    abandon: async () => {
      await file.close()
      if (isNew) await rm(writtenPath, { force: true })
    },
  }
}

/** Gives the complete file its name, unless somebody took the name meanwhile: then nothing of theirs is lost. */
const publish = async (from: string, to: string): Promise<void> => {
  const failed = await link(from, to).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error,
  )
  if (failed?.code === 'EEXIST') {
    throw new BackupError('target-failed', `${to} appeared while it was restored`, {
      cause: failed,
      hint: `the restored volume is in ${from}`,
    })
  }
  // A file system without hard links: FAT, some network ones.
  if (failed) await rename(from, to)
  else await rm(from)
  await syncFolder(dirname(to))
}

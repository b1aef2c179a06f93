/**
 * @module folder-tree: the folders below the root of a folder object store: made when needed, removed when empty, synced.
 *
 * Invariants:
 * - the root itself is never made: an NFS share that isn't mounted must not be filled silently;
 * - nothing is reached through a symbolic link below the root. (The check comes before the use; who can swap folders
 *   for links meanwhile can write the store anyway.)
 * - `sync(folder)` returns once every entry that was in the folder, and the folder itself, survives a loss of power.
 *   Folders that were there before this process are taken to be safe.
 */
import { constants } from 'node:fs'
import { mkdir, open, realpath, rmdir, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { errnoOf, isMissing, noFolder, symbolicLink } from './folder-errors.ts'

export interface FolderTree {
  /** @throws ObjectStoreError `no-bucket`. */
  checkRoot(): Promise<void>
  /** @throws ObjectStoreError `failed` on the way through a symbolic link; the file system's ENOENT. */
  checkFolder(folder: string): Promise<void>
  /** With all that is missing above it. @throws ObjectStoreError `no-bucket`. */
  makeFolder(folder: string): Promise<void>
  /** Also of the parents of folders that were made on the way to it. */
  sync(folder: string): Promise<void>
  /** Upwards until one isn't empty; never the root nor a `backupstore` (`longhorn backupstore vfs.go`). Returns the first that stays. */
  removeEmpty(folder: string): Promise<string>
}

/** Some file systems, CIFS among them, can't sync a folder; a folder that is gone has nothing to sync. */
const unsyncable = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOENT', 'ENOTDIR'])

const syncFolder = async (folder: string): Promise<void> => {
  try {
    const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (!unsyncable.has(errnoOf(error) ?? '')) throw error
  }
}

/** Many puts into one folder share its syncs: who asks while one runs waits for the next, which starts after the asking. */
const sharedSync = (): ((folder: string) => Promise<void>) => {
  const running = new Map<string, Promise<void>>()
  const queued = new Map<string, Promise<void>>()
  const start = (folder: string): Promise<void> => {
    queued.delete(folder)
    const sync = syncFolder(folder).finally(() => {
      if (running.get(folder) === sync) running.delete(folder)
    })
    running.set(folder, sync)
    return sync
  }
  return (folder) => {
    const current = running.get(folder)
    if (!current) return start(folder)
    const next =
      queued.get(folder) ??
      current.then(
        () => start(folder),
        () => start(folder),
      )
    queued.set(folder, next)
    return next
  }
}

export const folderTree = (root: string): FolderTree => {
  const syncOnce = sharedSync()
  /** Made by us, and perhaps not yet in their parents on the disk. The value tells a folder from the one made in its place later. */
  const fresh = new Map<string, symbol>()
  let realRoot: string | undefined

  const checkRoot = async (): Promise<void> => {
    const found = await stat(root).catch((error: unknown) => {
      throw isMissing(error) ? noFolder(root, error) : error
    })
    if (!found.isDirectory()) throw noFolder(root, undefined)
  }

  const checkFolder = async (folder: string): Promise<void> => {
    realRoot ??= await realpath(root)
    const real = await realpath(folder)
    if (real !== realRoot + folder.slice(root.length)) throw symbolicLink(folder)
  }

  const makeFolder = async (folder: string): Promise<void> => {
    if (folder === root) return checkRoot()
    const parent = dirname(folder)
    try {
      await checkFolder(parent)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
      await makeFolder(parent)
    }
    try {
      await mkdir(folder, 0o700)
      fresh.set(folder, Symbol(folder))
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
    }
  }

  const syncEntry = async (folder: string, made: symbol): Promise<void> => {
    await syncOnce(dirname(folder))
    if (fresh.get(folder) === made) fresh.delete(folder)
  }

  const sync = async (folder: string): Promise<void> => {
    const syncs = [syncOnce(folder)]
    for (let child = folder; child.length > root.length; child = dirname(child)) {
      const made = fresh.get(child)
      if (made) syncs.push(syncEntry(child, made))
    }
    await Promise.all(syncs)
  }

  const removeEmpty = async (folder: string): Promise<string> => {
    let path = folder
    while (path !== root && basename(path) !== 'backupstore') {
      try {
        await rmdir(path)
      } catch (error) {
        // Best effort: not empty, a mount point, no right to; only one that is gone already lets us look further up.
        if (!isMissing(error)) return path
      }
      path = dirname(path)
    }
    return path
  }

  return { checkRoot, checkFolder, makeFolder, sync, removeEmpty }
}

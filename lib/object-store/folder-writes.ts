/**
 * @module folder-writes: how an object comes into a folder, whole or not at all.
 *
 * Source: write to `{name}.tmp.{digits}` beside it, sync, rename (`longhorn backupstore vfs.go`, which does not sync). What a
 * crash leaves of it is a temporary file, which listings show and callers pass over and clean up.
 */
import { type FileHandle, link, lstat, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { serial } from '#lib/base/serial.ts'
import { errnoOf } from './folder-errors.ts'
import type { FolderTree } from './folder-tree.ts'
import type { PutCondition } from './object-store.ts'
import { temporaryPath } from './temporary-path.ts'

/** What tells one put of a key from the next: inode, mtime, size. Not the ctime, which a hard link made by somebody's snapshot tool changes. */
export interface FileIdentity {
  ino: bigint
  mtimeNs: bigint
  size: bigint
}

export const etagOf = ({ ino, mtimeNs, size }: FileIdentity): string => `"${ino}-${mtimeNs}-${size}"`

export interface Placement {
  path: string
  condition: PutCondition | undefined
  signal: AbortSignal
  /** Writes the whole content to the new file. */
  fill: (handle: FileHandle, temporaryPath: string) => Promise<void>
}

export interface FolderWrites {
  /** `undefined`: the condition does not hold. Durable when it returns. */
  place(placement: Placement): Promise<FileIdentity | undefined>
}

/** A folder that is found or made may be removed, for being empty, before there is a file in it. */
const maxTries = 30

/** Where hard links are not to be had: FAT, some CIFS servers and FUSE file systems. */
const noLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL'])

/** `undefined`: nothing has that name. A folder of that name is something: an object can't be there. */
export const lookAt = async (path: string) =>
  lstat(path, { bigint: true }).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  })

const holds = async (path: string, condition: PutCondition | undefined): Promise<boolean> => {
  if (!condition) return true
  const current = await lookAt(path)
  if (condition.kind === 'absent') return !current
  return current?.isFile() === true && etagOf(current) === condition.etag
}

/** POSIX has no rename on a condition: between the look and the rename another process may put. */
const renameIf = async (
  temporary: string,
  path: string,
  condition: PutCondition | undefined,
): Promise<boolean> => {
  if (!(await holds(path, condition))) return false
  await rename(temporary, path)
  return true
}

/** Link fails where the name is taken, which a rename would overwrite. Returns whether the name is ours; the temporary file is gone then. */
const linkIfAbsent = async (temporary: string, path: string): Promise<boolean> => {
  try {
    await link(temporary, path)
  } catch (error) {
    const errno = errnoOf(error) ?? ''
    if (noLinks.has(errno)) return renameIf(temporary, path, { kind: 'absent' })
    if (errno !== 'EEXIST') throw error
    // An NFS client that sent the link twice is told "exists" of its own link.
    const [ours, there] = await Promise.all([lookAt(temporary), lookAt(path)])
    if (!ours || ours.ino !== there?.ino) return false
  }
  await unlink(temporary)
  return true
}

/** Within this process at least, one conditional put of a key at a time. */
const perKey = () => {
  const queues = new Map<string, { run: ReturnType<typeof serial>; users: number }>()
  return async <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const queue = queues.get(key) ?? { run: serial(), users: 0 }
    queues.set(key, queue)
    queue.users += 1
    try {
      return await queue.run(work)
    } finally {
      queue.users -= 1
      if (queue.users === 0) queues.delete(key)
    }
  }
}

export const folderWrites = (tree: FolderTree): FolderWrites => {
  const oneAtATime = perKey()

  const createTemporary = async (path: string): Promise<{ handle: FileHandle; temporary: string }> => {
    const temporary = temporaryPath(path)
    await tree.checkFolder(dirname(path))
    return { handle: await open(temporary, 'wx'), temporary }
  }

  const write = async ({ path, signal, fill }: Placement) => {
    const { handle, temporary } = await createTemporary(path)
    try {
      try {
        await fill(handle, temporary)
        signal.throwIfAborted()
        await handle.sync()
      } finally {
        await handle.close()
      }
      signal.throwIfAborted()
      // After the close, since an NFS server may set the mtime only then.
      return { temporary, identity: await lstat(temporary, { bigint: true }) }
    } catch (error) {
      await unlink(temporary).catch(() => undefined)
      throw error
    }
  }

  const name = (temporary: string, { path, condition }: Placement): Promise<boolean> => {
    if (!condition) return renameIf(temporary, path, undefined)
    return oneAtATime(path, () =>
      condition.kind === 'absent' ? linkIfAbsent(temporary, path) : renameIf(temporary, path, condition),
    )
  }

  const tryOnce = async (placement: Placement): Promise<FileIdentity | undefined> => {
    const { path, condition } = placement
    // Spares the writing of blocks that are there already; what decides is the look, or the link, at the end.
    if (!(await holds(path, condition))) return undefined
    const { temporary, identity } = await write(placement)
    let isNamed = false
    try {
      isNamed = await name(temporary, placement)
    } finally {
      if (!isNamed) await unlink(temporary).catch(() => undefined)
    }
    if (!isNamed) return undefined
    await tree.sync(dirname(path))
    return identity
  }

  const place = async (placement: Placement): Promise<FileIdentity | undefined> => {
    for (let tries = 1; ; tries += 1) {
      placement.signal.throwIfAborted()
      try {
        if (tries > 1) await tree.makeFolder(dirname(placement.path))
        return await tryOnce(placement)
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' || tries === maxTries) throw error
      }
    }
  }

  return { place }
}

/**
 * @module folder-object-store: an object store in a folder: a disk, or a mounted NFS or CIFS share.
 *
 * - A put is durable when it returns: the file and the folders that name it are synced.
 * - `absent` is atomic, by link(2). `unchanged` is checked just before the rename: POSIX has no compare-and-rename, so another
 *   process may put between the two; within one store, conditional puts of a key take turns.
 * - A key can't be an object and a folder at once (`a` beside `a/b`), nor may a part of it be longer than some 230 bytes.
 * - A listing with a delimiter also shows folders that are empty.
 */
import { statfsSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Clock, systemClock } from '#lib/base/clock.ts'
import type { FolderContext } from './folder-context.ts'
import { folderDeletes } from './folder-deletes.ts'
import { folderPuts } from './folder-puts.ts'
import { folderReads } from './folder-reads.ts'
import { folderServerClock } from './folder-server-clock.ts'
import { folderTree } from './folder-tree.ts'
import type { ObjectStore } from './object-store.ts'

export interface FolderObjectStoreSettings {
  /** Must exist; it is never made. */
  folder: string
  /** Of a local folder; a network file system's is its server's. */
  clock?: Pick<Clock, 'now'>
  /** The `f_type` of statfs(2). */
  fileSystemType?: (folder: string) => number
}

/** NFS, SMB, SMB2, CIFS: their servers set the mtimes, and their clients cache folders. Source: statfs(2). */
const networkFileSystems = new Set([0x6969, 0x517b, 0xfe534d42, 0xff534d42])

const statfsType = (folder: string): number => statfsSync(folder).type

export const folderObjectStore = (settings: FolderObjectStoreSettings): ObjectStore => {
  const { clock = systemClock, fileSystemType = statfsType } = settings
  const root = resolve(settings.folder)
  let type: number | undefined

  /** Asked when first needed, since the folder may be mounted later; one that is not there is taken for the worse. */
  const isNetwork = (): boolean => {
    try {
      type ??= fileSystemType(root)
    } catch {
      return true
    }
    return networkFileSystems.has(type)
  }

  const context: FolderContext = {
    root,
    description: `${pathToFileURL(root).href}/`,
    tree: folderTree(root),
    serverClock: folderServerClock(root, clock, isNetwork),
  }
  return {
    description: context.description,
    get listsAfterWrites() {
      return !isNetwork()
    },
    ...folderReads(context),
    ...folderPuts(context),
    ...folderDeletes(context),
  }
}

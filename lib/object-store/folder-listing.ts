/**
 * @module folder-listing: the files below a folder, in pages.
 *
 * Temporary files are listed like all others: whoever lists knows them by their name. Symbolic links are refused, loudly,
 * since passing over one could hide a backup from whoever decides what to delete.
 */
import { lstat, readdir } from 'node:fs/promises'
import { isMissing, symbolicLink } from './folder-errors.ts'
import type { ListedObject, ListPage } from './object-store.ts'

export interface FolderListing {
  /** `undefined`: there are no more, after one page at least. */
  nextPage(signal: AbortSignal): Promise<ListPage | undefined>
}

const pageSize = 1000
/** Enough to hide a file server's latency. */
const foldersAtOnce = 16
const filesAtOnce = 64

interface Found {
  objects: ListedObject[]
  /** With their final `/`. */
  folders: string[]
}

/** Of a file that is deleted meanwhile there is nothing to say. */
const sizeOf = async (path: string): Promise<number | undefined> => {
  try {
    return (await lstat(path)).size
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

const withSizes = async (
  root: string,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<ListedObject[]> => {
  const objects: ListedObject[] = []
  for (let start = 0; start < keys.length; start += filesAtOnce) {
    signal.throwIfAborted()
    const some = keys.slice(start, start + filesAtOnce)
    const sizes = await Promise.all(some.map((key) => sizeOf(`${root}/${key}`)))
    for (const [index, key] of some.entries()) {
      const sizeBytes = sizes[index]
      if (sizeBytes !== undefined) objects.push({ key, sizeBytes })
    }
  }
  return objects
}

/** `folder` is '' or ends with `/`; only names that begin with `start`. A folder that is not there is empty. */
const readFolder = async (
  root: string,
  folder: string,
  start: string,
  signal: AbortSignal,
): Promise<Found> => {
  const entries = await readdir(`${root}/${folder}`, { withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
  const keys: string[] = []
  const folders: string[] = []
  for (const entry of entries) {
    if (!entry.name.startsWith(start)) continue
    const key = folder + entry.name
    if (entry.isSymbolicLink()) throw symbolicLink(`${root}/${key}`)
    if (entry.isDirectory()) folders.push(`${key}/`)
    else if (entry.isFile()) keys.push(key)
  }
  return { objects: await withSizes(root, keys.toSorted(), signal), folders: folders.toSorted() }
}

/** @throws ObjectStoreError from `nextPage`: `failed` at a symbolic link; or the file system's error. */
export const folderListing = (root: string, prefix: string, delimiter: '/' | undefined): FolderListing => {
  const top = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  const found: Found = { objects: [], folders: [] }
  let unread = [top]
  let isFirstPage = true

  const startOf = (folder: string): string => (folder === top ? prefix.slice(top.length) : '')

  const readMore = async (signal: AbortSignal): Promise<void> => {
    const folders = unread.slice(-foldersAtOnce)
    unread = unread.slice(0, -foldersAtOnce)
    const results = await Promise.all(
      folders.map((folder) => readFolder(root, folder, startOf(folder), signal)),
    )
    for (const result of results) {
      for (const object of result.objects) found.objects.push(object)
      const below = delimiter ? found.folders : unread
      for (const folder of result.folders) below.push(folder)
    }
  }

  const nextPage = async (signal: AbortSignal): Promise<ListPage | undefined> => {
    while (unread.length > 0 && found.objects.length + found.folders.length < pageSize) {
      signal.throwIfAborted()
      await readMore(signal)
    }
    const objects = found.objects.splice(0, pageSize)
    const folders = found.folders.splice(0, pageSize - objects.length)
    if (!isFirstPage && objects.length + folders.length === 0) return undefined
    isFirstPage = false
    return { objects, folders }
  }

  return { nextPage }
}

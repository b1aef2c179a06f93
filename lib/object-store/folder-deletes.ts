/**
 * @module folder-deletes: files are unlinked by their exact names, then folders that became empty.
 *
 * Deletes are synced too: were the delete of a backup lost with the power while that of its blocks was not, the backup would
 * come back without them.
 */
import { lstat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { forEachConcurrently } from '#lib/base/concurrency.ts'
import { type DeleteFailure, throwDeleteFailures } from './delete-failed.ts'
import { callOf, type FolderContext, pathOf, perform } from './folder-context.ts'
import { errnoOf, isMissing } from './folder-errors.ts'
import type { FolderTree } from './folder-tree.ts'
import { checkKeysToDelete } from './object-key.ts'
import { type ObjectStore, ObjectStoreError } from './object-store.ts'

const atOnce = 8

/** unlink(2) of a folder: EISDIR on Linux, EPERM by POSIX. There is no object of that name then. */
const isFolder = async (path: string, error: unknown): Promise<boolean> => {
  if (errnoOf(error) === 'EISDIR') return true
  return errnoOf(error) === 'EPERM' && (await lstat(path)).isDirectory()
}

const unlinkIfThere = async (tree: FolderTree, path: string): Promise<void> => {
  try {
    await tree.checkFolder(dirname(path))
    await unlink(path)
  } catch (error) {
    if (!isMissing(error) && !(await isFolder(path, error))) throw error
  }
}

const reasonOf = (error: unknown): string =>
  error instanceof ObjectStoreError ? error.message : (errnoOf(error) ?? String(error))

const deleteFiles = async (
  context: FolderContext,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<void> => {
  const { tree } = context
  await tree.checkRoot()
  const limits = { limit: atOnce, signal }
  const failures: DeleteFailure[] = []
  await forEachConcurrently(keys, limits, async (key) => {
    try {
      await unlinkIfThere(tree, pathOf(context, key))
    } catch (error) {
      failures.push({ key, reason: reasonOf(error), cause: error })
    }
  })
  const folders = new Set(keys.map((key) => dirname(pathOf(context, key))))
  const staying = new Set<string>()
  await forEachConcurrently(folders, limits, async (folder) => {
    staying.add(await tree.removeEmpty(folder))
  })
  await forEachConcurrently(staying, limits, (folder) => tree.sync(folder))
  throwDeleteFailures(context.description, keys.length, failures)
}

export const folderDeletes = (context: FolderContext): Pick<ObjectStore, 'deleteMany'> => ({
  deleteMany: async (keys, options) => {
    checkKeysToDelete(keys)
    const call = callOf(context, `delete of ${keys.length} objects`, options)
    await perform(call, (signal) => deleteFiles(context, keys, signal))
  },
})

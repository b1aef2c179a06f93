/**
 * @module folder-context: what every call of a folder object store stands on.
 */
import { type Call, withinLimits } from './call-limits.ts'
import { folderError, isMissing } from './folder-errors.ts'
import type { FolderServerClock } from './folder-server-clock.ts'
import type { FolderTree } from './folder-tree.ts'
import type { CallOptions } from './object-store.ts'

export interface FolderContext {
  root: string
  description: string
  tree: FolderTree
  serverClock: FolderServerClock
}

const defaultDeadlineMs = 300_000

export const pathOf = ({ root }: FolderContext, key: string): string => `${root}/${key}`

/** `doing` is for people, as in `read of a/b`. */
export const callOf = (context: FolderContext, doing: string, options: CallOptions | undefined): Call => ({
  what: `${doing} in ${context.description}`,
  options,
  defaultDeadlineMs,
})

export const perform = async <T>(call: Call, run: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  try {
    return await withinLimits(call, run)
  } catch (error) {
    throw folderError(call.what, error)
  }
}

/** A missing file is `undefined`. @throws ObjectStoreError `no-bucket` for a missing root. */
export const ifThere = async <T>({ tree }: FolderContext, find: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await find()
  } catch (error) {
    if (!isMissing(error)) throw error
    await tree.checkRoot()
    return undefined
  }
}

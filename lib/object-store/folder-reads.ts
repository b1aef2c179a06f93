/**
 * @module folder-reads: files as objects. An open file keeps its content when a put replaces it.
 */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { MiB } from '#lib/base/sizes.ts'
import { type Call, stepsWithinLimits } from './call-limits.ts'
import { callOf, type FolderContext, ifThere, pathOf, perform } from './folder-context.ts'
import { errnoOf, folderError, symbolicLink } from './folder-errors.ts'
import { folderListing } from './folder-listing.ts'
import { etagOf, type FileIdentity, lookAt } from './folder-writes.ts'
import { changedWhileRead, checkMaxBytes, clampRange, closingBody } from './object-body.ts'
import { checkKey, checkPrefix } from './object-key.ts'
import type { GetOptions, ObjectHead, ObjectStore, StoredObject } from './object-store.ts'

/** A named pipe in the folder would make an open wait for its writer. */
const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** A block of 2 MiB comes in one chunk, which needs no copying together. */
const maxChunkBytes = 4 * MiB

/** `undefined` for what is no plain file. The caller closes the handle. @throws the file system's errors. */
export const openFile = async (
  path: string,
): Promise<{ handle: FileHandle; identity: FileIdentity } | undefined> => {
  const handle = await open(path, flags).catch((error: unknown) => {
    throw errnoOf(error) === 'ELOOP' ? symbolicLink(path) : error
  })
  try {
    const identity = await handle.stat({ bigint: true })
    if (identity.isFile()) return { handle, identity }
  } catch (error) {
    await handle.close()
    throw error
  }
  await handle.close()
  return undefined
}

interface FileRange {
  call: Call
  key: string
  handle: FileHandle
  offsetBytes: number
  lengthBytes: number
}

/** Closes the handle at its end. @throws ObjectStoreError `changed` if somebody cuts the file short. */
const fileBody = ({ call, key, handle, offsetBytes, lengthBytes }: FileRange): AsyncIterable<Uint8Array> => {
  const step = stepsWithinLimits(call)
  let readBytes = 0
  const next = async (): Promise<Uint8Array | undefined> => {
    if (readBytes === lengthBytes) return undefined
    const buffer = Buffer.allocUnsafe(Math.min(maxChunkBytes, lengthBytes - readBytes))
    const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, offsetBytes + readBytes)
    if (bytesRead === 0) throw changedWhileRead(key, readBytes, lengthBytes)
    readBytes += bytesRead
    return buffer.subarray(0, bytesRead)
  }
  return closingBody({
    next: () =>
      step(next).catch((error: unknown) => {
        throw folderError(call.what, error)
      }),
    close: () => handle.close(),
  })
}

const headOf = async (context: FolderContext, key: string, file: FileIdentity): Promise<ObjectHead> => ({
  key,
  sizeBytes: Number(file.size),
  etag: etagOf(file),
  lastModifiedNs: file.mtimeNs,
  serverTimeNs: await context.serverClock.now(),
})

const read = async (
  context: FolderContext,
  call: Call,
  key: string,
  options: GetOptions | undefined,
  signal: AbortSignal,
): Promise<StoredObject | undefined> => {
  await context.tree.checkFolder(dirname(pathOf(context, key)))
  const file = await openFile(pathOf(context, key))
  if (!file) return undefined
  const { handle, identity } = file
  try {
    const range = clampRange(Number(identity.size), options?.range)
    checkMaxBytes(key, range.lengthBytes, options)
    const head = await headOf(context, key, identity)
    // After the deadline nobody would close the handle.
    signal.throwIfAborted()
    return { head, body: fileBody({ call, key, handle, ...range }) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

const look = async (context: FolderContext, key: string): Promise<ObjectHead | undefined> => {
  const path = pathOf(context, key)
  await context.tree.checkFolder(dirname(path))
  const file = await lookAt(path)
  if (file?.isSymbolicLink()) throw symbolicLink(path)
  return file?.isFile() ? headOf(context, key, file) : undefined
}

export const folderReads = (context: FolderContext): Pick<ObjectStore, 'get' | 'head' | 'list'> => ({
  get: async (key, options) => {
    checkKey(key)
    const call = callOf(context, `read of ${key}`, options)
    return perform(call, (signal) => ifThere(context, () => read(context, call, key, options, signal)))
  },

  head: async (key, options) => {
    checkKey(key)
    return perform(callOf(context, `look at ${key}`, options), () =>
      ifThere(context, () => look(context, key)),
    )
  },

  list: async function* (prefix, options) {
    checkPrefix(prefix)
    const call = callOf(context, `listing of ${prefix || 'all'}`, options)
    const listing = folderListing(context.root, prefix, options?.delimiter)
    const top = dirname(pathOf(context, `${prefix}-`))
    await perform(call, () => ifThere(context, () => context.tree.checkFolder(top)))
    for (;;) {
      const page = await perform(call, (signal) => listing.nextPage(signal))
      if (!page) return
      yield page
    }
  },
})

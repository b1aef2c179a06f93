/**
 * @module folder-puts: put and copy of a folder object store.
 */
import { constants } from 'node:fs'
import { copyFile, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { callOf, type FolderContext, ifThere, pathOf, perform } from './folder-context.ts'
import { openFile } from './folder-reads.ts'
import { etagOf, folderWrites, type FolderWrites } from './folder-writes.ts'
import { bodyChunks } from './object-body.ts'
import { checkKey } from './object-key.ts'
import type { ObjectStore } from './object-store.ts'

/** Where the file system can, the copy shares the blocks on disk. */
const copyIn = async (
  context: FolderContext,
  writes: FolderWrites,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<{ etag: string } | undefined> => {
  await context.tree.checkFolder(dirname(from))
  const source = await openFile(from)
  if (!source) return undefined
  await source.handle.close()
  const identity = await writes.place({
    path: to,
    condition: undefined,
    signal,
    fill: (_, temporary) => copyFile(from, temporary, constants.COPYFILE_FICLONE),
  })
  return identity && { etag: etagOf(identity) }
}

/** At one go where the system can; `writeFile` would cut a block into pieces of 512 KiB. */
const writeAll = async (handle: FileHandle, chunk: Uint8Array, signal: AbortSignal): Promise<void> => {
  let done = 0
  while (done < chunk.byteLength) {
    signal.throwIfAborted()
    done += (await handle.write(chunk, done)).bytesWritten
  }
}

export const folderPuts = (context: FolderContext): Pick<ObjectStore, 'put' | 'copy'> => {
  const writes = folderWrites(context.tree)
  return {
    put: async (key, body, options) => {
      checkKey(key)
      return perform(callOf(context, `put of ${key}`, options), async (signal) => {
        const identity = await writes.place({
          path: pathOf(context, key),
          condition: options?.condition,
          signal,
          fill: async (handle) => {
            for await (const chunk of bodyChunks(key, body)) await writeAll(handle, chunk, signal)
          },
        })
        if (!identity) return { kind: 'refused' }
        return {
          kind: 'stored',
          etag: etagOf(identity),
          serverTimeNs: await context.serverClock.now(),
        }
      })
    },

    copy: async (fromKey, toKey, options) => {
      checkKey(fromKey)
      checkKey(toKey)
      const call = callOf(context, `copy of ${fromKey} to ${toKey}`, options)
      return perform(call, (signal) =>
        ifThere(context, () =>
          copyIn(context, writes, pathOf(context, fromKey), pathOf(context, toKey), signal),
        ),
      )
    },
  }
}

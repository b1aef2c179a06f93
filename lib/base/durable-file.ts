/**
 * @module durable-file: files that are whole after a crash: the old content or the new, never half of one.
 */
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** What the folder names is on the disk when it returns. */
export const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

export const syncFile = async (path: string): Promise<void> => {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Replaces a file; one writer at a time. A crash leaves at most `….tmp` beside it, which the next write replaces. */
export const writeFileDurably = async (path: string, text: string, mode = 0o600): Promise<void> => {
  const temporary = `${path}.tmp`
  await rm(temporary, { force: true })
  const file = await open(temporary, 'wx', mode)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  await syncFolder(dirname(path))
}

/**
 * @module confirm: whether a restored image is what was backed up: judged by e2fsck, by every file in it, and by every byte of it.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readlink, rm } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { checkImage, dumpImage, type Ext4Tools } from './ext4-image.ts'
import { say } from './story.ts'

/** What every file, folder and link is, by its path. */
type Files = ReadonlyMap<string, string>

export interface Expected {
  files: Files
  /** Of the whole image. */
  sha256: string
}

const sha256Of = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk)
  return hash.digest('hex')
}

const readFiles = async (root: string): Promise<Files> => {
  const found = new Map<string, string>()
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const name = relative(root, path)
    // mkfs makes it in every ext4
    if (name === 'lost+found') continue
    if (entry.isSymbolicLink()) found.set(name, `link to ${await readlink(path)}`)
    else found.set(name, entry.isDirectory() ? 'folder' : `file ${await sha256Of(path)}`)
  }
  return found
}

/** What an image is now, and must be when it is restored. */
export const imageOf = async (path: string, folder: string): Promise<Expected> => ({
  files: await readFiles(folder),
  sha256: await sha256Of(path),
})

const differences = (expected: Files, found: Files): string[] =>
  [...new Set([...expected.keys(), ...found.keys()])].filter((name) => expected.get(name) !== found.get(name))

/** @throws Error that names the files that differ. */
export const confirmImage = async (tools: Ext4Tools, path: string, expected: Expected): Promise<void> => {
  await checkImage(tools, path)
  const folder = `${path}.files`
  await dumpImage(tools, path, folder)
  const different = differences(expected.files, await readFiles(folder))
  if (different.length > 0)
    throw new Error(`${path} has other files than were backed up: ${different.slice(0, 10).join(', ')}`)
  if ((await sha256Of(path)) !== expected.sha256)
    throw new Error(`${path} has other bytes than were backed up`)
  await rm(folder, { recursive: true })
  say(
    `✓ ${basename(path)}: e2fsck finds no fault, all ${expected.files.size} files are equal, and so is every byte of the image`,
  )
}

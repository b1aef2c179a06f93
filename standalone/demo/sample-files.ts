/**
 * @module sample-files: the files on the demo's volume, and what happens to them between backups.
 */
import { randomBytes } from 'node:crypto'
import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const repository = join(import.meta.dirname, '..', '..')

/** By path; with content of a certain size that no compressor shrinks, or with text. */
const contents: Record<string, number | string> = {
  'database/large table.bin': 20 * 1024 * 1024,
  'database/index.bin': 3_000_001,
  'photos/1.raw': 517_123,
  'photos/2.raw': 1_048_576,
  'photos/3.raw': 4097,
  'notes/a name with spaces.txt': 'spaces\n'.repeat(1000),
  'notes/Überraschung – 備份 ✓.txt': 'ä, 備, ✓\n'.repeat(10),
  'a/very/deep/folder/one byte': 'x',
  'empty file': '',
}

const write = async (root: string, path: string, content: number | string): Promise<void> => {
  await mkdir(join(root, dirname(path)), { recursive: true })
  await writeFile(join(root, path), typeof content === 'number' ? randomBytes(content) : content)
}

/** Drover's own sources and documents are the text among them. */
export const makeFiles = async (root: string): Promise<void> => {
  for (const [path, content] of Object.entries(contents)) await write(root, path, content)
  for (const folder of ['lib', 'docs'])
    await cp(join(repository, folder), join(root, 'drover', folder), { recursive: true })
  await symlink('notes/Überraschung – 備份 ✓.txt', join(root, 'link to notes'))
}

/** So that each backup differs from the one before: files written, replaced, removed. */
export const changeFiles = async (root: string, round: number): Promise<void> => {
  await rm(join(root, `photos/${round}.raw`))
  await write(root, `photos/${round + 3}.raw`, 700_000)
  await write(root, 'notes/a name with spaces.txt', `text of round ${round}\n`.repeat(500))
}

/**
 * @module sample-files: the files on the demo's disk, and what happens to them between the two backups.
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

/** A change of one file in an image, for debugfs; `from` is where its new content lies. */
export type FileChange = { folder: string; name: string } & (
  | { kind: 'removed' }
  | { kind: 'added' | 'replaced'; from: string }
)

/** Changes the folder, and tells what must be done to the image so that it holds the same. */
export const changeFiles = async (root: string): Promise<FileChange[]> => {
  await rm(join(root, 'photos/2.raw'))
  await write(root, 'photos/4.raw', 700_000)
  await write(root, 'photos/1.raw', 600_000)
  await write(root, 'notes/a name with spaces.txt', 'other text\n'.repeat(500))
  const from = (path: string) => join(root, path)
  return [
    { kind: 'removed', folder: 'photos', name: '2.raw' },
    { kind: 'added', folder: 'photos', name: '4.raw', from: from('photos/4.raw') },
    { kind: 'replaced', folder: 'photos', name: '1.raw', from: from('photos/1.raw') },
    {
      kind: 'replaced',
      folder: 'notes',
      name: 'a name with spaces.txt',
      from: from('notes/a name with spaces.txt'),
    },
  ]
}

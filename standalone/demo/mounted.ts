/**
 * @module mounted: file systems on the demo's devices: made, mounted, checked, and what is in them.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, readlink } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { isInstalled, run } from '../programs.ts'

const packageOf: Record<string, string> = {
  'mkfs.ext4': 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  'mkfs.btrfs': 'btrfs-progs',
  losetup: 'mount',
  findmnt: 'util-linux',
  fsfreeze: 'util-linux',
}

/** Why the demo cannot run here; `undefined`: it can. */
export const obstacle = async (): Promise<string | undefined> => {
  if (process.platform !== 'linux') return 'volumes are devices of a Linux kernel, and this is another'
  if (process.getuid?.() !== 0) return 'only root can attach and mount volumes: sudo npm start -- demo'
  for (const [program, name] of Object.entries(packageOf)) {
    if (!(await isInstalled(program)))
      return `${program} is not installed: it is in the system's package ${name}`
  }
  return undefined
}

export const makeExt4 = (device: string): Promise<string> =>
  // All of it at once: what it would write later, in the background, is no change of the user's.
  run('mkfs.ext4', '-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', device)

export const mount = async (device: string, folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true })
  await run('mount', device, folder)
}

export const unmount = (folder: string): Promise<string> => run('umount', folder)

/** What every file, folder and link is, by its path. */
export type Files = ReadonlyMap<string, string>

const sha256Of = async (path: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk)
  return hash.digest('hex')
}

export const filesIn = async (root: string): Promise<Files> => {
  const found = new Map<string, string>()
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isSymbolicLink()) found.set(relative(root, path), `link to ${await readlink(path)}`)
    else found.set(relative(root, path), entry.isDirectory() ? 'folder' : `file ${await sha256Of(path)}`)
  }
  return found
}

export const differences = (expected: Files, found: Files): string[] =>
  [...new Set([...expected.keys(), ...found.keys()])].filter((name) => expected.get(name) !== found.get(name))

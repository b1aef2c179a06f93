/**
 * @module ext4-image: disk images with a file system in them, made, changed, read and checked by e2fsprogs, without root.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import type { FileChange } from './sample-files.ts'

const run = promisify(execFile)

const toolNames = ['mkfs.ext4', 'debugfs', 'e2fsck'] as const
export type Ext4Tools = Record<(typeof toolNames)[number], string>

/** The PATH of users other than root lacks the folders where these lie; Homebrew keeps them apart. */
const folders = [
  ...(process.env['PATH'] ?? '').split(delimiter),
  '/usr/sbin',
  '/sbin',
  '/usr/local/sbin',
  '/opt/homebrew/opt/e2fsprogs/sbin',
]

const findTool = (name: string): string | undefined =>
  folders.map((folder) => join(folder, name)).find((path) => existsSync(path))

/** @throws Error that names the package to install. */
export const findExt4Tools = (): Ext4Tools => {
  const [mkfs, debugfs, e2fsck] = toolNames.map(findTool)
  if (mkfs !== undefined && debugfs !== undefined && e2fsck !== undefined)
    return { 'mkfs.ext4': mkfs, debugfs, e2fsck }
  const missing = toolNames.filter((name) => findTool(name) === undefined).join(', ')
  throw new Error(
    `${missing} not found: install the package e2fsprogs ` +
      '(apt install, dnf install, apk add (and e2fsprogs-extra), pacman -S, zypper install or brew install e2fsprogs)',
  )
}

export const makeImage = async (
  tools: Ext4Tools,
  image: { path: string; sizeBytes: number; folder: string },
): Promise<void> => {
  await writeFile(image.path, '')
  await truncate(image.path, image.sizeBytes)
  await run(tools['mkfs.ext4'], ['-q', '-F', '-b', '4096', '-d', image.folder, image.path])
}

/** As debugfs reads arguments. */
const quoted = (text: string): string => `"${text}"`

const commandsFor = (change: FileChange): string[] => {
  const enter = `cd ${quoted(`/${change.folder}`)}`
  switch (change.kind) {
    case 'removed':
      return [enter, `rm ${quoted(change.name)}`]
    case 'added':
      return [enter, `write ${quoted(change.from)} ${quoted(change.name)}`]
    case 'replaced':
      return [enter, `rm ${quoted(change.name)}`, `write ${quoted(change.from)} ${quoted(change.name)}`]
    default:
      return change satisfies never
  }
}

/** debugfs ends with 0 whatever happens, and says what went wrong on stderr, below a line with its version. */
const runDebugfs = async (tools: Ext4Tools, args: string[]): Promise<string> => {
  const { stderr } = await run(tools.debugfs, args)
  return stderr.split('\n').slice(1).join('\n').trim()
}

/** Writes into the file system as it is, as a mounted one is written. */
export const changeImage = async (
  tools: Ext4Tools,
  path: string,
  changes: readonly FileChange[],
): Promise<void> => {
  const commands = `${path}.debugfs`
  await writeFile(commands, `${changes.flatMap(commandsFor).join('\n')}\n`)
  const complaints = await runDebugfs(tools, ['-w', '-f', commands, path])
  if (complaints !== '') throw new Error(`debugfs could not change ${path}: ${complaints}`)
}

/** Copies all files of an image into a folder. What it could not copy shows when they are compared. */
export const dumpImage = async (tools: Ext4Tools, path: string, folder: string): Promise<void> => {
  await mkdir(folder)
  await runDebugfs(tools, ['-R', `rdump / ${quoted(folder)}`, path])
}

/** @throws Error with what e2fsck found. */
export const checkImage = async (tools: Ext4Tools, path: string): Promise<void> => {
  await run(tools.e2fsck, ['-f', '-n', path]).catch((error: unknown) => {
    const found = error instanceof Error && 'stdout' in error ? String(error.stdout) : ''
    throw new Error(`e2fsck finds ${path} damaged:\n${found}`, { cause: error })
  })
}

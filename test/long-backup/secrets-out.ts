/**
 * @module secrets-out: looks whether a secret got out: into files, or onto command lines that everybody on the machine can read.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** Where it is meant to be. */
const homes: ReadonlySet<string> = new Set(['secrets.json'])
/** Pools and their images hold users' data; it takes long to read them. */
const skipped: ReadonlySet<string> = new Set(['pool.img', 'pool'])
const largestBytes = 64 * 1024 * 1024

/** Files under a folder that hold the text. */
export const filesWith = async (folder: string, text: string): Promise<string[]> => {
  const found: string[] = []
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (skipped.has(entry.name) || homes.has(basename(path))) continue
    if (entry.isDirectory()) found.push(...(await filesWith(path, text)))
    else if (
      entry.isFile() &&
      (await stat(path)).size < largestBytes &&
      (await readFile(path)).includes(text)
    )
      found.push(path)
  }
  return found
}

const commandLines = async (): Promise<string[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.map((line) => line.replaceAll('\0', ' '))
}

/** Looks many times a second, until it is stopped. */
export const watchCommandLines = (text: string): { stop(): string[]; looks(): number } => {
  const found = new Set<string>()
  let looks = 0
  const look = async (): Promise<void> => {
    for (const line of await commandLines()) if (line.includes(text)) found.add(line)
    looks++
  }
  const timer = setInterval(() => void look(), 50)
  return {
    stop: () => {
      clearInterval(timer)
      return [...found]
    },
    looks: () => looks,
  }
}

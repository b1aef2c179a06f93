/**
 * @module measure: what a command costs: time, CPU time, and peak memory, of it and its children.
 *
 * CPU time and memory are the kernel's own account (wait4(2), through GNU time), so they miss nothing. The peak is that of
 * the largest process; each tool measured here is one process.
 */
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KiB } from '#lib/base/sizes.ts'

export interface Command {
  /** The program, and its arguments. */
  run: readonly [string, ...string[]]
  env?: Readonly<Record<string, string>>
  cwd?: string
  /** Written back within the measured time, as a tool that does not do so itself leaves its work in memory. */
  syncs?: string
}

export interface Measured {
  seconds: number
  cpuSeconds: number
  peakRssBytes: number
}

const keptBytes = 4000

/** Ends well, or throws with what it wrote last. The proxies and AWS settings of the environment are not for these. */
export const runCommand = async ({ run, env, cwd }: Command): Promise<string> => {
  const [program, ...args] = run
  const child = spawn(program, args, {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, LC_ALL: 'C.UTF-8', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-keptBytes)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', (cause) => {
      reject(new Error(`${program} cannot be started: is it installed?`, { cause }))
    })
    child.on('close', resolve)
  })
  if (code === 0) return output
  throw new Error(`${run.join(' ')} ended with ${code}: ${output}`)
}

/** `"$@"` is the command, `$0` the file. */
const thenSync = (path: string) => ['sh', '-c', '"$@" && sync "$0"', path]

export const measure = async (command: Command, folder: string): Promise<Measured> => {
  const report = join(folder, 'time')
  await runCommand({ run: ['sync', '-f', folder] }) // else it pays for what the one before it left to be written
  const program = [...(command.syncs === undefined ? [] : thenSync(command.syncs)), ...command.run]
  const startedAt = performance.now()
  await runCommand({ ...command, run: ['time', '-o', report, '-f', '%U %S %M', ...program] })
  const seconds = (performance.now() - startedAt) / 1000
  const [user = Number.NaN, system = Number.NaN, peakKiB = Number.NaN] = (await readFile(report, 'utf8'))
    .trim()
    .split(' ')
    .map(Number)
  return { seconds, cpuSeconds: user + system, peakRssBytes: peakKiB * KiB }
}

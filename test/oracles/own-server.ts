/**
 * @module own-server: a third party's server of our own on this machine, for one test file: started on loopback, waited for, and
 * ended by its process id.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

/** In every secret of tests: where it is found, a secret got out. */
export const canary = 'drovercanary'

const startTimeoutMs = 60_000
const keptLogBytes = 4000

/** Where `.ci/run` installs a third party's program. @throws Error: it is not there. */
export const oraclePath = (name: string, relative: string): string => {
  const folder = process.env.DROVER_ORACLES ?? resolve(fileURLToPath(import.meta.url), '../../../.oracles')
  const path = join(folder, relative)
  if (existsSync(path)) return path
  throw new Error(`there is no ${name} at ${path}: .ci/run installs it, or set DROVER_ORACLES to where it is`)
}

export interface OwnServerSettings {
  /** For messages. */
  name: string
  command: string
  args: readonly string[]
  env?: Readonly<Record<string, string | undefined>> | undefined
  isReady: () => Promise<boolean>
}

export interface OwnServer {
  pid: number | undefined
  stop: () => Promise<void>
}

/** Whether a GET is answered, whatever it says. */
export const isAnswering = async (url: string): Promise<boolean> => {
  try {
    await fetch(url)
    return true
  } catch {
    return false
  }
}

const keepLog = (child: ChildProcess): (() => string) => {
  let log = ''
  const keep = (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-keptLogBytes)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  return () => log
}

const untilReady = async (
  { name, isReady }: OwnServerSettings,
  child: ChildProcess,
  log: () => string,
): Promise<void> => {
  const endsAt = Date.now() + startTimeoutMs
  while (!(await isReady())) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}: ${log()}`)
    if (Date.now() > endsAt)
      throw new Error(`${name} was not ready within ${startTimeoutMs / 1000} s: ${log()}`)
    await delay(100)
  }
}

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((exit) => {
    child.once('exit', exit)
  })
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000)
  await ended
  clearTimeout(timer)
}

/** @throws Error if it does not get ready. */
export const startOwnServer = async (settings: OwnServerSettings): Promise<OwnServer> => {
  const { command, args, env } = settings
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const endWithUs = () => child.kill('SIGKILL')
  process.once('exit', endWithUs)
  const stop = async () => {
    await end(child)
    process.off('exit', endWithUs)
  }
  try {
    await untilReady(settings, child, keepLog(child))
  } catch (error) {
    await stop()
    throw error
  }
  return { pid: child.pid, stop }
}

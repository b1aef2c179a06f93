/**
 * @module minio: a MinIO of our own on this machine, for one test file.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../free-port.ts'

export interface Minio {
  endpoint: string
  accessKey: string
  secretKey: string
  /** Ends the server and removes its data. */
  stop: () => Promise<void>
}

/** In every secret of tests: where it is found, a secret got out. */
export const canary = 'drovercanary'

const startTimeoutMs = 60_000
const keptLogBytes = 4000

const oraclesFolder = (): string =>
  process.env.DROVER_ORACLES ?? resolve(fileURLToPath(import.meta.url), '../../../.oracles')

const binary = (): string => {
  const path = join(oraclesFolder(), 'bin/minio')
  if (existsSync(path)) return path
  throw new Error(`there is no MinIO at ${path}: .ci/run installs it, or set DROVER_ORACLES to where it is`)
}

const isReady = async (endpoint: string): Promise<boolean> => {
  try {
    return (await fetch(`${endpoint}/minio/health/ready`)).ok
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

const untilReady = async (endpoint: string, child: ChildProcess, log: () => string): Promise<void> => {
  const endsAt = Date.now() + startTimeoutMs
  while (!(await isReady(endpoint))) {
    if (child.exitCode !== null) throw new Error(`MinIO ended with ${child.exitCode}: ${log()}`)
    if (Date.now() > endsAt)
      throw new Error(`MinIO was not ready within ${startTimeoutMs / 1000} s: ${log()}`)
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

/** `more`: of MinIO's own settings, as its environment has them. @throws Error if the binary is missing or does not get ready. */
export const startMinio = async (more: Record<string, string> = {}): Promise<Minio> => {
  const command = binary()
  const folder = await mkdtemp(join(tmpdir(), 'drover-minio-'))
  const [data, certificates] = [join(folder, 'data'), join(folder, 'certs')]
  await Promise.all([mkdir(data), mkdir(certificates)])
  const [accessKey, secretKey] = ['drover-test', canary + randomBytes(10).toString('hex')]
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn(command, ['server', '--address', address, '--certs-dir', certificates, data], {
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      MINIO_ROOT_USER: accessKey,
      MINIO_ROOT_PASSWORD: secretKey,
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
      ...more,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const endWithUs = () => child.kill('SIGKILL')
  process.once('exit', endWithUs)
  const stop = async () => {
    await end(child)
    process.off('exit', endWithUs)
    await rm(folder, { recursive: true, force: true })
  }
  const endpoint = `http://${address}`
  try {
    await untilReady(endpoint, child, keepLog(child))
  } catch (error) {
    await stop()
    throw error
  }
  return { endpoint, accessKey, secretKey, stop }
}

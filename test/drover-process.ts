/**
 * @module drover-process: runs the real command in a process of its own, as a user's shell does.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const program = join(import.meta.dirname, '..', 'cli', 'drover.mjs')

export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

export interface Running {
  interrupt(): void
  /** Until it has said something on stderr. */
  spoken: Promise<unknown>
  ended: Promise<Ended>
}

/** Credentials of whoever runs the tests stay out of it. */
const bareEnvironment = { PATH: process.env['PATH'], HOME: '/nonexistent', AWS_EC2_METADATA_DISABLED: 'true' }

export const startDrover = (
  folder: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Running => {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: folder,
    env: { ...bareEnvironment, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ending = async (): Promise<Ended> => {
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code: child.exitCode, stdout, stderr }
  }
  return { interrupt: () => child.kill('SIGINT'), spoken: once(child.stderr, 'data'), ended: ending() }
}

export const drover = (folder: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Ended> =>
  startDrover(folder, args, env).ended

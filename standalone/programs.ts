/**
 * @module programs: programs of the system that the service and its walk-through run.
 */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const execute = promisify(execFile)
/** Debian's `su` leaves out where these are. */
const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' }

/** @throws Error with what the program said, when it ends with another code than 0. */
export const run = async (program: string, ...args: string[]): Promise<string> =>
  (await execute(program, args, { env })).stdout

export const endsWell = (program: string, ...args: string[]): Promise<boolean> =>
  run(program, ...args).then(
    () => true,
    () => false,
  )

export const isInstalled = (program: string): Promise<boolean> =>
  endsWell('sh', '-c', `command -v ${program}`)

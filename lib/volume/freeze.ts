/**
 * @module freeze: does something while a file system is frozen: all of it is on the device, and nothing more gets there.
 *
 * Whoever writes to it meanwhile waits and cannot be killed. So a watchdog, a process of its own that outlives this one, thaws it
 * after a deadline; whether it did is told by our own thaw, which then finds nothing frozen.
 */
import type { Host } from './host.ts'
import { VolumeError } from './volume-error.ts'

/** How often the watchdog tries, a second apart: a freeze may be done later than its deadline. */
const watchdogTries = 60

const watchdogScript = `
sleep "$1"
tries=0
until fsfreeze --unfreeze "$2" 2>/dev/null || [ "$tries" -ge ${watchdogTries} ]; do
  tries=$((tries + 1))
  sleep 1
done`

const isHostError = (error: unknown, pattern: RegExp): boolean =>
  error instanceof VolumeError && error.code === 'host-failed' && pattern.test(error.message)

/** `false`: it was not frozen. */
export const thaw = async (host: Host, mountpoint: string): Promise<boolean> =>
  host.run('fsfreeze', ['--unfreeze', mountpoint]).then(
    () => true,
    (error: unknown) => {
      if (isHostError(error, /Invalid argument/)) return false
      throw error
    },
  )

export interface WhileFrozen<T> {
  result: T
  /** From before the work until after it. */
  wasFrozen: boolean
}

export interface FreezeOptions {
  mountpoint: string
  /** After it the watchdog thaws. */
  deadlineMs: number
}

/** `false`: it cannot be frozen, or another froze it already. */
const freeze = async (host: Host, mountpoint: string): Promise<boolean> =>
  host.run('fsfreeze', ['--freeze', mountpoint]).then(
    () => true,
    (error: unknown) => {
      if (isHostError(error, /busy|not supported|Inappropriate ioctl/)) return false
      throw error
    },
  )

/** A file system that cannot be frozen, or that another froze, is left as it is. */
export const whileFrozen = async <T>(
  host: Host,
  { mountpoint, deadlineMs }: FreezeOptions,
  work: () => Promise<T>,
): Promise<WhileFrozen<T>> => {
  // Most of what is to be written is written before anybody has to wait.
  await host.run('sync', ['--file-system', mountpoint])
  const args = ['-c', watchdogScript, 'drover-thaw', String(deadlineMs / 1000), mountpoint]
  const watchdog = await host.startWatchdog('sh', args)
  if (!(await freeze(host, mountpoint))) {
    watchdog.stop()
    return { result: await work(), wasFrozen: false }
  }
  const outcome = await work().then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  )
  // Whenever it is not known to be thawed, the watchdog goes on.
  const wasFrozen = await thaw(host, mountpoint)
  watchdog.stop()
  if ('error' in outcome) throw outcome.error
  return { result: outcome.result, wasFrozen }
}

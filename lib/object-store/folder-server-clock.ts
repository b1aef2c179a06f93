/**
 * @module folder-server-clock: the clock that sets the mtimes of a folder, so that ages never depend on two clocks.
 *
 * On a local file system it is ours. On a network file system it is the server's, and only a file just written tells it;
 * what it told is used again for some seconds, unless our clock was set or the machine slept meanwhile, which shows as the
 * wall clock and the monotonic one disagreeing.
 */
import { lstat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#lib/base/clock.ts'
import { temporaryPath } from './temporary-path.ts'

export interface FolderServerClock {
  now(): Promise<bigint>
}

const reuseMs = 10_000
const disagreementMs = 500

export const folderServerClock = (
  root: string,
  clock: Pick<Clock, 'now'>,
  isNetwork: () => boolean,
): FolderServerClock => {
  let learned: { serverNs: bigint; wallMs: number; monotonicMs: number } | undefined

  const wallMs = (): number => clock.now().getTime()

  const sinceLearned = (): bigint | undefined => {
    if (!learned) return undefined
    const elapsedMs = performance.now() - learned.monotonicMs
    const isSteady = Math.abs(wallMs() - learned.wallMs - elapsedMs) < disagreementMs
    if (!isSteady || elapsedMs > reuseMs) return undefined
    return learned.serverNs + BigInt(Math.round(elapsedMs * 1e6))
  }

  const touch = async (): Promise<bigint> => {
    const path = temporaryPath(join(root, 'drover-clock'))
    try {
      await writeFile(path, '', { flag: 'wx' })
    } catch {
      // A restore may have no right to write here. It judges no ages, so our own clock does.
      return BigInt(wallMs()) * 1_000_000n
    }
    try {
      const { mtimeNs } = await lstat(path, { bigint: true })
      learned = { serverNs: mtimeNs, wallMs: wallMs(), monotonicMs: performance.now() }
      return mtimeNs
    } finally {
      await unlink(path)
    }
  }

  const now = async (): Promise<bigint> => {
    if (!isNetwork()) return BigInt(wallMs()) * 1_000_000n
    return sinceLearned() ?? (await touch())
  }

  return { now }
}

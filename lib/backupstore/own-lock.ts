/**
 * @module own-lock: one lock object of ours: writing it, refreshing it every 60 s, noticing its loss, removing it.
 *
 * A refresh is put-if-unchanged: a lock that somebody removed is never made again by it. Two refreshes more than 100 s apart,
 * by the server's clock, count as a crash of their owner.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import type { ObjectStore, PutCondition } from '#lib/object-store/object-store.ts'
import { BackupstoreError } from './backupstore-error.ts'
import type { VolumeKeys } from './keys.ts'
import { lockGapNs, lockRefreshMs, type LockFile } from './lock-file.ts'

export interface LockDeps {
  store: ObjectStore
  clock: Clock
  log: Log
}

export interface LockRequest {
  keys: VolumeKeys
  /** Chosen by the caller, so that narrow credentials can name it and a journal can remove what a crash left. */
  lockName: string
  /** How long to wait for others' locks to go away. */
  waitMs: number
  signal?: AbortSignal | undefined
}

/** Between two looks at the locks of others. */
export const lockPollMs = 2000
const putDeadlineMs = 30_000

/** One lock object of ours: what we last wrote, and when by the server's clock. */
export interface OwnLock {
  key: string
  body: Uint8Array
  etag: string
  writtenNs: bigint
}

export const writeLock = async (
  deps: LockDeps,
  own: { key: string; body: Uint8Array },
  condition?: PutCondition,
): Promise<OwnLock | undefined> => {
  const result = await deps.store.put(own.key, own.body, {
    deadlineMs: putDeadlineMs,
    ...(condition && { condition }),
  })
  return result.kind === 'stored' ? { ...own, etag: result.etag, writtenNs: result.serverTimeNs } : undefined
}

/** Refreshes a lock. `lost`: it was removed or replaced, or the last refresh is too long ago. */
export const refreshLock = async (deps: LockDeps, own: OwnLock): Promise<OwnLock | 'lost'> => {
  const next = await writeLock(deps, own, { kind: 'unchanged', etag: own.etag })
  return next && next.writtenNs - own.writtenNs <= lockGapNs ? next : 'lost'
}

export const lockedError = (
  keys: VolumeKeys,
  other: LockFile | undefined,
  action: string,
): BackupstoreError =>
  new BackupstoreError(
    'locked',
    `volume ${keys.volumeName} is locked${other ? ` by ${other.name}` : ''}: cannot ${action}`,
    {
      hint: 'wait until the other operation has finished and try again; the lock of one that crashed ends by itself after 150 seconds',
    },
  )

/** Runs until `stop`: refreshes every 60 s; a failed refresh is tried again every 10 s, then counts as lost by its age. */
export const keepFresh = (deps: LockDeps, tick: () => Promise<void>): { stop: () => Promise<void> } => {
  const stopping = new AbortController()
  const loop = async () => {
    let waitMs = lockRefreshMs
    while (!stopping.signal.aborted) {
      await deps.clock.sleep(waitMs, stopping.signal)
      waitMs = await tick().then(
        () => lockRefreshMs,
        (error: unknown) => {
          deps.log.warn('lock refresh failed', { error: String(error) })
          return 10_000
        },
      )
    }
  }
  const running = loop().catch((error: unknown) => {
    if (!stopping.signal.aborted) throw error
  })
  return {
    stop: async () => {
      stopping.abort(new Error('lock released'))
      await running
    },
  }
}

/** A lock that could not be taken must not stand in others' way for 150 s. */
export const removeUnlessTaken = async <T>(
  deps: LockDeps,
  request: LockRequest,
  taking: Promise<T>,
): Promise<T> => {
  try {
    return await taking
  } catch (error) {
    await removeLock(deps, request.keys.lock(request.lockName))
    throw error
  }
}

/** What stays behind ends by itself after 150 s, so a failure here is no failure of what was done under the lock. */
export const removeLock = async (deps: LockDeps, key: string): Promise<void> => {
  await deps.store.deleteMany([key], { deadlineMs: putDeadlineMs }).catch((error: unknown) => {
    deps.log.warn('lock not removed; it ends by itself after 150 s', { key, error: String(error) })
  })
}

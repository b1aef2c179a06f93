/**
 * @module lock: holding a lock of a backup volume: taking it, refreshing it every 60 s, noticing its loss, removing it.
 *
 * - A backup's lock is written as acquired at once, then the locks are listed: a deletion that writes its lock later sees ours
 *   and gives way; one already acquired makes us remove ours and wait; one not yet acquired may have listed before us, so we
 *   wait until it is gone, acquired or expired.
 * - A deletion's lock is taken as Longhorn takes it, with its wait of 2 s, and tried again instead of failing.
 * - A refresh is put-if-unchanged: a lock that somebody removed is never made again by it.
 * - Two refreshes more than 100 s apart, by the server's clock, count as a crash.
 *
 * test/lock-model/ checks the protocol in all its interleavings, with Longhorn's own steps beside it.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { serial } from '#lib/base/serial.ts'
import type { ObjectStore, PutCondition } from '#lib/object-store/object-store.ts'
import { BackupstoreError } from './backupstore-error.ts'
import type { VolumeKeys } from './keys.ts'
import {
  encodeLock,
  isBefore,
  isExpired,
  lockGapNs,
  lockRefreshMs,
  lockSettleMs,
  readLocks,
  type LockFile,
} from './lock-file.ts'

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

export interface BackupLock {
  readonly name: string
  /**
   * Refreshes now. `retaken`: since the last call there was a gap of more than 100 s, so the lock was taken again from the
   * start; whatever was concluded from reads before then must be looked at again.
   * @throws BackupstoreError `locked`.
   */
  confirm(): Promise<'held' | 'retaken'>
  release(): Promise<void>
}

export interface DeletionLock {
  readonly name: string
  /** One HEAD. @throws BackupstoreError `lock-lost` unless our lock is there and was refreshed at most 100 s ago. */
  check(): Promise<void>
  /** The locks of others when ours was taken. */
  readonly others: readonly LockFile[]
  release(): Promise<void>
}

const pollMs = 2000
const looksForStaying = 5
const putDeadlineMs = 30_000

/** One lock object of ours: what we last wrote, and when by the server's clock. */
interface Own {
  key: string
  body: Uint8Array
  etag: string
  writtenNs: bigint
}

const write = async (
  deps: LockDeps,
  own: { key: string; body: Uint8Array },
  condition?: PutCondition,
): Promise<Own | undefined> => {
  const result = await deps.store.put(own.key, own.body, {
    deadlineMs: putDeadlineMs,
    ...(condition && { condition }),
  })
  return result.kind === 'stored' ? { ...own, etag: result.etag, writtenNs: result.serverTimeNs } : undefined
}

/** Refreshes a lock. `lost`: it was removed or replaced, or the last refresh is too long ago. */
const refresh = async (deps: LockDeps, own: Own): Promise<Own | 'lost'> => {
  const next = await write(deps, own, { kind: 'unchanged', etag: own.etag })
  return next && next.writtenNs - own.writtenNs <= lockGapNs ? next : 'lost'
}

const lockedError = (keys: VolumeKeys, other: LockFile | undefined, action: string): BackupstoreError =>
  new BackupstoreError(
    'locked',
    `volume ${keys.volumeName} is locked${other ? ` by ${other.name}` : ''}: cannot ${action}`,
    {
      hint: 'wait until the other operation has finished and try again; the lock of one that crashed ends by itself after 150 seconds',
    },
  )

/** Runs until `stop`: refreshes every 60 s; a failed refresh is tried again every 10 s, then counts as lost by its age. */
const keepFresh = (deps: LockDeps, tick: () => Promise<void>): { stop: () => Promise<void> } => {
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

const liveDeletions = async (deps: LockDeps, request: LockRequest): Promise<LockFile[]> =>
  (await readLocks(deps.store, request.keys, request.lockName)).filter(
    (lock) => lock.type !== 1 && !isExpired(lock),
  )

/** One writing of a lock: a deletion that tries again writes it again. */
const writingOf = (lock: LockFile): string => `${lock.name} ${lock.lastModifiedNs}`

/**
 * Writes our lock, lists the others', and waits or gives way as the module's comment says. Of the deletions that are not
 * acquired only those of the first listing matter: any written later will see ours. Without that, two that try again
 * every 2 s would wait for each other for ever.
 */
const takeForBackup = async (deps: LockDeps, request: LockRequest): Promise<Own> => {
  const file = { key: request.keys.lock(request.lockName), body: encodeLock(request.lockName, 1, true) }
  const deadline = deps.clock.now().getTime() + request.waitMs
  let own: Own | undefined
  let mayHaveMissedUs: Set<string> | undefined
  let mayWrite = true
  for (;;) {
    request.signal?.throwIfAborted()
    if (!own && mayWrite) {
      own = await write(deps, file)
      mayHaveMissedUs = undefined
      if (!deps.store.listsAfterWrites) await deps.clock.sleep(lockSettleMs, request.signal)
    }
    const deletions = await liveDeletions(deps, request)
    mayHaveMissedUs ??= new Set(deletions.map(writingOf))
    const isTaken = deletions.some((lock) => lock.isAcquired)
    const isPending = deletions.some((lock) => mayHaveMissedUs?.has(writingOf(lock)))
    if (own && !isTaken && !isPending) return own
    const isTooLate = deps.clock.now().getTime() >= deadline
    if (own && (isTaken || isTooLate)) await deps.store.deleteMany([file.key])
    if (isTooLate) throw lockedError(request.keys, deletions[0], 'back up')
    if (isTaken) own = undefined
    mayWrite = !isTaken
    deps.log.info('waiting for a deletion to finish', {
      volume: request.keys.volumeName,
      lock: deletions[0]?.name,
    })
    await deps.clock.sleep(pollMs, request.signal)
    if (own) own = await stillOurs(deps, own)
  }
}

/** Refreshes a lock that waits, when it is time; a lost one is written anew by the caller's loop. */
const stillOurs = async (deps: LockDeps, own: Own): Promise<Own | undefined> => {
  const head = await deps.store.head(own.key)
  if (!head || head.etag !== own.etag) return undefined
  if (head.serverTimeNs - own.writtenNs < BigInt(lockRefreshMs) * 1_000_000n) return own
  const next = await refresh(deps, own)
  return next === 'lost' ? undefined : next
}

/** @throws BackupstoreError `locked` when deletions kept it for longer than `waitMs`. */
export const takeBackupLock = async (deps: LockDeps, request: LockRequest): Promise<BackupLock> => {
  let own = await orTidy(deps, request, takeForBackup(deps, request))
  let wasRetaken = false
  const inTurn = serial()
  const renew = async () => {
    const refreshed = await refresh(deps, own)
    if (refreshed === 'lost') {
      deps.log.warn('backup lock was lost and is taken again', {
        volume: request.keys.volumeName,
        lock: request.lockName,
      })
      own = await takeForBackup(deps, request)
      wasRetaken = true
    } else own = refreshed
  }
  const keeper = keepFresh(deps, () => inTurn(renew))
  return {
    name: request.lockName,
    confirm: () =>
      inTurn(async () => {
        await renew()
        const outcome = wasRetaken ? 'retaken' : 'held'
        wasRetaken = false
        return outcome
      }),
    release: async () => {
      await keeper.stop()
      await inTurn(() => removeLock(deps, own.key))
    },
  }
}

/** A lock that could not be taken must not stand in others' way for 150 s. */
const orTidy = async <T>(deps: LockDeps, request: LockRequest, taking: Promise<T>): Promise<T> => {
  try {
    return await taking
  } catch (error) {
    await removeLock(deps, request.keys.lock(request.lockName))
    throw error
  }
}

/** What stays behind ends by itself after 150 s, so a failure here is no failure of what was done under the lock. */
const removeLock = async (deps: LockDeps, key: string): Promise<void> => {
  await deps.store.deleteMany([key], { deadlineMs: putDeadlineMs }).catch((error: unknown) => {
    deps.log.warn('lock not removed; it ends by itself after 150 s', { key, error: String(error) })
  })
}

interface TakenDeletion {
  own: Own
  others: LockFile[]
}

/** One try, as Longhorn does it. `undefined`: we stalled, try again. A lock: it is in our way. */
const tryDeletionLock = async (
  deps: LockDeps,
  request: LockRequest,
): Promise<TakenDeletion | LockFile | undefined> => {
  const key = request.keys.lock(request.lockName)
  const waiting = await write(deps, { key, body: encodeLock(request.lockName, 2, false) })
  await deps.clock.sleep(lockSettleMs, request.signal)
  const others = await readLocks(deps.store, request.keys, request.lockName)
  const head = await deps.store.head(key)
  if (!waiting || !head || head.etag !== waiting.etag) return undefined
  const mine = { name: request.lockName, isAcquired: false, lastModifiedNs: head.lastModifiedNs }
  const conflict = others.find((lock) => lock.type !== 2 && !isExpired(lock) && isBefore(lock, mine))
  if (conflict) return conflict
  const acquired = { key, body: encodeLock(request.lockName, 2, true) }
  const own = await write(deps, acquired, { kind: 'unchanged', etag: waiting.etag })
  if (!own || own.writtenNs - waiting.writtenNs > lockGapNs) return undefined
  return (await backupsThatStay(deps, request)) ?? { own, others }
}

/**
 * Longhorn reads a lock's content and its time one after the other; one that is acquired in between looks to it like a later
 * one that waits, and both go on. So those that are there after ours was acquired must go away soon, or have ours in their way.
 */
const backupsThatStay = async (deps: LockDeps, request: LockRequest): Promise<LockFile | undefined> => {
  for (let look = 1; ; look++) {
    const others = await readLocks(deps.store, request.keys, request.lockName)
    const live = others.find((lock) => lock.type !== 2 && !isExpired(lock))
    if (!live || look === looksForStaying) return live
    await deps.clock.sleep(pollMs, request.signal)
  }
}

const takeForDeletion = async (deps: LockDeps, request: LockRequest): Promise<TakenDeletion> => {
  const deadline = deps.clock.now().getTime() + request.waitMs
  for (;;) {
    request.signal?.throwIfAborted()
    const taken = await tryDeletionLock(deps, request)
    if (taken && 'own' in taken) return taken
    await deps.store.deleteMany([request.keys.lock(request.lockName)])
    if (deps.clock.now().getTime() >= deadline) throw lockedError(request.keys, taken, 'delete')
    deps.log.info('waiting for a backup or restore to finish', {
      volume: request.keys.volumeName,
      lock: taken?.name,
    })
    await deps.clock.sleep(pollMs, request.signal)
  }
}

/** @throws BackupstoreError `locked` when backups or restores kept it for longer than `waitMs`. */
export const takeDeletionLock = async (deps: LockDeps, request: LockRequest): Promise<DeletionLock> => {
  const taken = await orTidy(deps, request, takeForDeletion(deps, request))
  let own: Own | 'lost' = taken.own
  const { key } = taken.own
  const inTurn = serial()
  const keeper = keepFresh(deps, () =>
    inTurn(async () => {
      if (own !== 'lost') own = await refresh(deps, own)
    }),
  )
  const check = async () => {
    const head = await deps.store.head(key)
    if (own !== 'lost' && head?.etag === own.etag && head.serverTimeNs - own.writtenNs <= lockGapNs) return
    throw new BackupstoreError(
      'lock-lost',
      `the deletion lock ${request.lockName} of volume ${request.keys.volumeName} was lost`,
      {
        hint: 'nothing more was deleted; run it again',
      },
    )
  }
  return {
    name: request.lockName,
    others: taken.others,
    check: () => inTurn(check),
    release: async () => {
      await keeper.stop()
      await inTurn(() => removeLock(deps, key))
    },
  }
}

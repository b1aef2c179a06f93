/**
 * @module deletion-lock: the lock that a deletion or a collection holds: taken as Longhorn takes it, with its wait of 2 s, and
 * tried again instead of failing.
 *
 * test/lock-model/ checks the protocol in all its interleavings, with Longhorn's own steps beside it.
 */
import { serial } from '#lib/base/serial.ts'
import { BackupstoreError } from './backupstore-error.ts'
import {
  encodeLock,
  isBefore,
  isExpired,
  lockGapNs,
  lockSettleMs,
  readLocks,
  type LockFile,
} from './lock-file.ts'
import {
  keepFresh,
  lockedError,
  lockPollMs,
  refreshLock,
  removeLock,
  removeUnlessTaken,
  writeLock,
  type LockDeps,
  type LockRequest,
  type OwnLock,
} from './own-lock.ts'

export interface DeletionLock {
  readonly name: string
  /** One HEAD. @throws BackupstoreError `lock-lost` unless our lock is there and was refreshed at most 100 s ago. */
  check(): Promise<void>
  /** The locks of others when ours was taken. */
  readonly others: readonly LockFile[]
  release(): Promise<void>
}

/** How often a backup's lock that is there after ours was acquired is looked at before we give way to it. */
const looksForStaying = 5

interface TakenDeletion {
  own: OwnLock
  others: LockFile[]
}

/** One try, as Longhorn does it. `undefined`: we stalled, try again. A lock: it is in our way. */
const tryDeletionLock = async (
  deps: LockDeps,
  request: LockRequest,
): Promise<TakenDeletion | LockFile | undefined> => {
  const key = request.keys.lock(request.lockName)
  const waiting = await writeLock(deps, { key, body: encodeLock(request.lockName, 2, false) })
  await deps.clock.sleep(lockSettleMs, request.signal)
  const others = await readLocks(deps.store, request.keys, request.lockName)
  const head = await deps.store.head(key)
  if (!waiting || !head || head.etag !== waiting.etag) return undefined
  const mine = { name: request.lockName, isAcquired: false, lastModifiedNs: head.lastModifiedNs }
  const conflict = others.find((lock) => lock.type !== 2 && !isExpired(lock) && isBefore(lock, mine))
  if (conflict) return conflict
  const acquired = { key, body: encodeLock(request.lockName, 2, true) }
  const own = await writeLock(deps, acquired, { kind: 'unchanged', etag: waiting.etag })
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
    await deps.clock.sleep(lockPollMs, request.signal)
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
    await deps.clock.sleep(lockPollMs, request.signal)
  }
}

/** @throws BackupstoreError `locked` when backups or restores kept it for longer than `waitMs`. */
export const takeDeletionLock = async (deps: LockDeps, request: LockRequest): Promise<DeletionLock> => {
  const taken = await removeUnlessTaken(deps, request, takeForDeletion(deps, request))
  let own: OwnLock | 'lost' = taken.own
  const { key } = taken.own
  const inTurn = serial()
  const keeper = keepFresh(deps, () =>
    inTurn(async () => {
      if (own !== 'lost') own = await refreshLock(deps, own)
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

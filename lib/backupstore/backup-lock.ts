/**
 * @module backup-lock: the lock that a backup holds.
 *
 * It is written as acquired at once, then the locks are listed: a deletion that writes its lock later sees ours and gives way;
 * one already acquired makes us remove ours and wait; one not yet acquired may have listed before us, so we wait until it is
 * gone, acquired or expired.
 *
 * test/lock-model/ checks the protocol in all its interleavings, with Longhorn's own steps beside it.
 */
import { serial } from '#lib/base/serial.ts'
import { encodeLock, isExpired, lockRefreshMs, lockSettleMs, readLocks, type LockFile } from './lock-file.ts'
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
const takeForBackup = async (deps: LockDeps, request: LockRequest): Promise<OwnLock> => {
  const file = { key: request.keys.lock(request.lockName), body: encodeLock(request.lockName, 1, true) }
  const deadline = deps.clock.now().getTime() + request.waitMs
  let own: OwnLock | undefined
  let mayHaveMissedUs: Set<string> | undefined
  let mayWrite = true
  for (;;) {
    request.signal?.throwIfAborted()
    if (!own && mayWrite) {
      own = await writeFirst(deps, file)
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
    await deps.clock.sleep(lockPollMs, request.signal)
    if (own) own = await stillOurs(deps, own)
  }
}

/** A random name is new, but for a backup that is resumed, or whose lock is taken again: then what is there is our own. */
const writeFirst = async (
  deps: LockDeps,
  file: { key: string; body: Uint8Array },
): Promise<OwnLock | undefined> =>
  (await writeLock(deps, file, { kind: 'absent', isRandom: true })) ?? writeLock(deps, file)

/** Refreshes a lock that waits, when it is time; a lost one is written anew by the caller's loop. */
const stillOurs = async (deps: LockDeps, own: OwnLock): Promise<OwnLock | undefined> => {
  const head = await deps.store.head(own.key)
  if (!head || head.etag !== own.etag) return undefined
  if (head.serverTimeNs - own.writtenNs < BigInt(lockRefreshMs) * 1_000_000n) return own
  const next = await refreshLock(deps, own)
  return next === 'lost' ? undefined : next
}

/** @throws BackupstoreError `locked` when deletions kept it for longer than `waitMs`. */
export const takeBackupLock = async (deps: LockDeps, request: LockRequest): Promise<BackupLock> => {
  let own = await removeUnlessTaken(deps, request, takeForBackup(deps, request))
  let wasRetaken = false
  const inTurn = serial()
  const renew = async () => {
    const refreshed = await refreshLock(deps, own)
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

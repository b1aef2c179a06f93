/** What our actors keep to. The model shows what happens without each. */
const ours = {
  /** A backup waits for deletions that have a lock, but not acquired: they may have listed the locks before ours was there. */
  waitsForWaiting: true,
  /** A mark counts only if its put was answered at most 100 s after the last write of our lock; else the lock is taken again. */
  marksInTime: true,
  /** A block that the store said it had is looked at again before the commit. */
  looksAtBlocksAgain: true,
  /** The commit is put-if-unchanged on the mark. */
  commitsIfUnchanged: true,
  /** Where the store has no put-if-unchanged, the commit follows a check of the mark and of our lock's age, not of the mark alone. */
  checksLockBeforeCommit: true,
  /** A refresh over 100 s after the one before counts as a crash. */
  lateIsCrash: true,
  /** A deletion waits 2 s between its lock and the listing. */
  settles: true,
  /** A deletion that makes its lock acquired over 100 s after writing it starts over. */
  acquiresInTime: true,
  /** A deletion that has acquired its lock lists the locks once more, gives way to those acquired and waits for those that are not. */
  comparesTwice: false,
  /** A deletion leaves marks alone while a backup lock is live. */
  sparesLiveMarks: true,
  /** A mark is removed by put-if-unchanged of another body, and then a delete. */
  removesMarksIfUnchanged: true,
  /** No block is collected while there is a mark. */
  honoursMarks: true,
  /** Nor if the set of cfgs changed since they were read. */
  listsCfgsAgain: true,
  /** Nor if our lock is gone or older than 100 s. */
  checksLock: true,
}

/**
 * What is assumed. Of ours: a request that follows a check of the lock is done within 50 s. Of the store: it has put-if-unchanged. The others are
 * Longhorn's own holes, which its actors fall into without any of ours (shown in the test):
 * - its locks never expire under it: no process of it stands still for 150 s between its lock's first write and its last request, nor do its
 *   refreshes fail for so long. (One that dies for good is part of the model.)
 * - it reads a lock's content and mtime at once. It does one after the other (longhorn backupstore lock.go, loadLock), so that a lock that becomes
 *   acquired in between looks not acquired and late.
 * - a volume deletion ends when it removes `locks/`. It goes on to list and delete what is left, without a lock (backupstore.go, removeVolume).
 * - a volume deletion removes only its own lock and expired ones. It removes all, a running deletion's among them.
 */
const assumed = {
  promptRequests: true,
  storePutsIfUnchanged: true,
  longhornNeverExpires: true,
  longhornReadsLocksAtOnce: true,
  volumeDeletionEndsAtOnce: true,
  volumeDeletionSparesLocks: true,
}

export const protocol = { ...ours, ...assumed }
export type Rules = typeof protocol
export type Rule = keyof Rules

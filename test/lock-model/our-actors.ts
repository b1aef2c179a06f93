/**
 * @module our-actors: Drover's backup and deletion. Each step is one request; but reading all locks, or all cfgs, after their listing is one step:
 * what comes after the listing sorts after us or changes the set of cfgs, and what is read later than at the listing has only gone on, which makes
 * a reader give way more often. A conflict or a lost lock starts an actor over, as often as it likes.
 */
import * as cfgs from './cfgs.ts'
import * as locks from './locks.ts'
import { age, bothBlocks, cfg, deleteBlocks, done, isDeletion, lock, pickBit } from './world.ts'
import type { Rules } from './rules.ts'
import type { Actor, Pick, Step, Steps, World } from './world.ts'

/** Lists the locks: back from an acquired one of the other type, waiting for one that is not, else on. */
const unlessOpposed =
  (back: string, on: string, waits = true): Step =>
  (w, me) => {
    if (locks.opposed(w, me, lock.acquired)) return back
    return waits && locks.opposed(w, me, lock.waiting) ? undefined : on
  }

const unlock: Step = (w, me) => (locks.drop(w, me), done)
const isFresh = (me: Actor): boolean => me.lock === lock.acquired && me.age === age.upTo100s

/** Any committed backup may be the base: its blocks are assumed to be there. */
export const readBase = (w: World, me: Actor, pick: Pick): void => {
  const base = pickBit(cfgs.committed(w), pick, true)
  me.known = base < 0 ? 0 : cfgs.blocksOf(w, base)
}

/** Put-if-absent of a block that is not known: it is now sent, or the store had it. */
const sendBlock = (w: World, me: Actor, block: number): void => {
  if (me.known & block) return
  me.known |= w.blocks & block ? block << 2 : block
  w.blocks |= block
}

/** A backup, and what it does after a crash: from `takes its lock again` on. Each taking of a lock has a new name. */
export const ourBackup = (rules: Rules): Steps => {
  const toCommit = rules.storePutsIfUnchanged ? 'commits' : 'checks its mark and lock'
  return {
    'puts its lock': (w, me) => (locks.putAcquired(w, me), 'lists the locks'),
    'lists the locks': unlessOpposed('removes its lock', 'puts its mark', rules.waitsForWaiting),
    'removes its lock': (w, me) => (locks.drop(w, me), 'puts its lock'),
    'puts its mark': (_, me) => {
      me.cfg = cfg.mark
      return me.age === age.upTo100s || !rules.marksInTime ? 'reads the base' : 'takes its lock again'
    },
    'reads the base': (w, me, pick) => (readBase(w, me, pick), 'sends block 0'),
    'sends block 0': (w, me) => (sendBlock(w, me, 1), 'sends block 1'),
    'sends block 1': (w, me) => {
      sendBlock(w, me, 2)
      return me.known > bothBlocks && rules.looksAtBlocksAgain ? 'looks at blocks again' : toCommit
    },
    'looks at blocks again': (w, me) => {
      me.known &= ~(w.blocks << 2)
      return me.known > bothBlocks ? 'sends missing blocks' : toCommit
    },
    'sends missing blocks': (w, me) => ((w.blocks |= me.known >> 2), toCommit),
    'checks its mark and lock': (_, me) => {
      if (me.cfg !== cfg.mark) return 'unlocks'
      return isFresh(me) || !rules.checksLockBeforeCommit ? 'commits' : 'takes its lock again'
    },
    commits: (_, me) => {
      if (me.cfg === cfg.mark || !rules.commitsIfUnchanged || !rules.storePutsIfUnchanged)
        me.cfg = cfg.committed
      return 'unlocks'
    },
    unlocks: unlock,
    'takes its lock again': (w, me) => (locks.putAcquired(w, me), 'lists the locks anew'),
    'lists the locks anew': unlessOpposed(
      'removes its lock for now',
      'looks for its mark',
      rules.waitsForWaiting,
    ),
    'removes its lock for now': (w, me) => (locks.drop(w, me), 'takes its lock again'),
    'looks for its mark': (_, me) => {
      if (me.cfg !== cfg.mark) return 'unlocks'
      return me.known ? 'sends block 0' : 'reads the base'
    },
  }
}

/** A deletion with its collection of blocks. */
export const ourDeletion = (rules: Rules): Steps => {
  const removal = rules.storePutsIfUnchanged ? 'removes a mark' : 'checks its lock for the marks'
  return {
    'puts its lock': (w, me, pick) => (locks.putWaiting(w, me, pick), 'compares the locks'),
    'compares the locks': (w, me) => {
      if (me.recent && rules.settles) return undefined
      return locks.hasOneBefore(w, me) ? 'removes its lock' : 'acquires its lock'
    },
    'removes its lock': (w, me) => (locks.drop(w, me), 'puts its lock'),
    'acquires its lock': (w, me) => {
      const isLate = me.lock === lock.none || me.age !== age.upTo100s
      if (me.lock !== lock.none) locks.putAcquired(w, me)
      if (isLate && rules.acquiresInTime) return 'removes its lock'
      return rules.comparesTwice ? 'compares again' : 'deletes a backup'
    },
    'compares again': unlessOpposed('removes its lock', 'deletes a backup'),
    'deletes a backup': (w, _, pick) => {
      const chosen = pickBit(cfgs.committed(w), pick, true)
      if (chosen >= 0) cfgs.remove(w, chosen)
      return 'looks for live backups'
    },
    'looks for live backups': (w, me) => {
      const live = locks.opposed(w, me, lock.acquired) || locks.opposed(w, me, lock.waiting)
      return live && rules.sparesLiveMarks ? 'reads the cfgs' : 'lists the marks'
    },
    'lists the marks': (w, me) => ((me.seen = cfgs.ourMarks(w)), me.seen ? removal : 'reads the cfgs'),
    'checks its lock for the marks': (_, me) => (isFresh(me) ? 'removes a mark' : 'removes its lock'),
    'removes a mark': (w, me, pick) => {
      const slot = pickBit(me.seen, pick)
      const isUnchanged = cfgs.at(w, slot) === cfg.mark
      const isConditional = rules.removesMarksIfUnchanged && rules.storePutsIfUnchanged
      if (cfgs.at(w, slot) === cfg.committed && !isConditional)
        w.fault = 'a mark was removed that had become a backup'
      if (isUnchanged) cfgs.remove(w, slot)
      me.seen &= ~(1 << slot)
      return me.seen ? removal : 'reads the cfgs'
    },
    'reads the cfgs': (w, me) => {
      me.seen = cfgs.all(w)
      me.known = cfgs.blocksIn(w, cfgs.committed(w))
      return me.seen !== cfgs.committed(w) && rules.honoursMarks ? 'unlocks' : 'lists the blocks'
    },
    'lists the blocks': (w, me) => (
      (me.known = w.blocks & ~me.known),
      me.known ? 'lists the cfgs again' : 'unlocks'
    ),
    'lists the cfgs again': (w, me) =>
      me.seen !== cfgs.all(w) && rules.listsCfgsAgain ? 'unlocks' : 'checks its lock',
    'checks its lock': (_, me) => (isFresh(me) || !rules.checksLock ? 'deletes blocks' : 'removes its lock'),
    'deletes blocks': deleteBlocks('deletes blocks', 'unlocks'),
    unlocks: unlock,
  }
}

const requestsAfterCheck = new Set(['deletes blocks', 'commits', 'removes a mark'])

/** Steps that follow a check of the lock, and are taken within 50 s of it where that is assumed. */
export const isPrompt = (me: Actor, rules: Rules): boolean =>
  rules.promptRequests &&
  requestsAfterCheck.has(me.at) &&
  (me.at === 'deletes blocks' || !rules.storePutsIfUnchanged)

const beforeItsMark = new Set(['lists the locks', 'puts its mark'])
const goesOn = new Set([
  'puts its lock',
  'removes its lock',
  'takes its lock again',
  'removes its lock for now',
  'commits',
  'deletes blocks',
  'unlocks',
])

/** What an actor does next when it learns that its lock was refreshed late, or is gone. A request that is under way goes on. */
export const afterLoss = (me: Actor): string => {
  if (goesOn.has(me.at)) return me.at
  return isDeletion(me) || beforeItsMark.has(me.at) ? 'removes its lock' : 'takes its lock again'
}

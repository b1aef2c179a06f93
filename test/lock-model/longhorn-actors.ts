/** @module longhorn-actors: what Longhorn does, as its backupstore's lock.go, deltablock.go and backupstore.go have it at ab5179e. */
import * as cfgs from './cfgs.ts'
import * as locks from './locks.ts'
import { readBase } from './our-actors.ts'
import { age, cfg, deleteBlocks, done, firstActorSlot, lock, pickBit } from './world.ts'
import type { Rules } from './rules.ts'
import type { Actor, Step, Steps, World } from './world.ts'

const unlock: Step = (w, me) => (locks.drop(w, me), done)
const slotOf = (w: World, actor: Actor): number => firstActorSlot + w.actors.indexOf(actor)

/** Lock: it gives up when it meets a conflict. */
const lockSteps = (rules: Rules, next: string): Steps => ({
  'puts its lock': (w, me, pick) => (locks.putWaiting(w, me, pick), 'reads the locks'),
  'reads the locks': (w, me) => {
    if (me.recent) return undefined
    if (rules.longhornReadsLocksAtOnce) return locks.hasOneBefore(w, me) ? 'unlocks' : 'acquires its lock'
    for (const other of w.actors) if (other.lock === lock.waiting) me.seen |= 1 << slotOf(w, other)
    return locks.opposed(w, me, lock.acquired) ? 'unlocks' : 'reads the mtimes of locks'
  },
  'reads the mtimes of locks': (w, me) => {
    const isBefore = (other: Actor): boolean =>
      ((me.seen >> slotOf(w, other)) & 1) === 1 && other.turn < me.turn
    return locks.opposed(w, me, lock.waiting, isBefore) ? 'unlocks' : 'acquires its lock'
  },
  'acquires its lock': (w, me) => ((me.seen = 0), locks.putAcquired(w, me), next),
})

/** CreateDeltaBlockBackup. */
const backup = (rules: Rules): Steps => ({
  ...lockSteps(rules, 'reads the base'),
  'reads the base': (w, me, pick) => (readBase(w, me, pick), 'puts its mark'),
  'puts its mark': (_, me) => ((me.cfg = cfg.mark), 'looks for block 0'),
  'looks for block 0': (w, me) => ((w.blocks | me.known) & 1 ? 'looks for block 1' : 'puts block 0'),
  'puts block 0': (w) => ((w.blocks |= 1), 'looks for block 1'),
  'looks for block 1': (w, me) => ((w.blocks | me.known) & 2 ? 'commits' : 'puts block 1'),
  'puts block 1': (w) => ((w.blocks |= 2), 'commits'),
  commits: (_, me) => ((me.cfg = cfg.committed), 'unlocks'),
  unlocks: unlock,
})

/** DeleteDeltaBlockBackup. It may be told to delete what is in progress, too. */
const deletion = (rules: Rules): Steps => ({
  ...lockSteps(rules, 'deletes a backup'),
  'deletes a backup': (w, _, pick) => {
    const chosen = pickBit(cfgs.all(w), pick, true)
    if (chosen >= 0) cfgs.remove(w, chosen)
    return 'lists the cfgs'
  },
  'lists the cfgs': (w, me) => ((me.seen = cfgs.all(w)), 'lists the blocks'),
  'lists the blocks': (w, me) => ((me.known = w.blocks), 'reads the cfgs'),
  'reads the cfgs': (w, me) => {
    if (me.seen & ~cfgs.committed(w)) return 'unlocks'
    me.known &= ~cfgs.blocksIn(w, me.seen)
    return me.known ? 'lists the cfgs again' : 'unlocks'
  },
  'lists the cfgs again': (w, me) => (me.seen === cfgs.all(w) ? 'deletes blocks' : 'unlocks'),
  'deletes blocks': deleteBlocks('deletes blocks', 'unlocks'),
  unlocks: unlock,
})

const deleteCfgs =
  (here: string, next: string): Step =>
  (w, me, pick) => {
    if (!me.seen) return next
    const slot = pickBit(me.seen, pick)
    cfgs.remove(w, slot)
    me.seen &= ~(1 << slot)
    return me.seen ? here : next
  }

const removeLocks = (w: World, me: Actor, rules: Rules): void => {
  locks.drop(w, me)
  for (const other of w.actors) {
    if (rules.volumeDeletionSparesLocks && other.age < age.expired) continue
    const since = other.age
    locks.drop(w, other)
    other.age = since
  }
}

/** removeVolume: each folder is listed, and what was listed is deleted. */
const volumeDeletion = (rules: Rules): Steps => ({
  ...lockSteps(rules, 'lists backups/'),
  'lists backups/': (w, me) => ((me.seen = cfgs.all(w)), 'deletes cfgs'),
  'deletes cfgs': deleteCfgs('deletes cfgs', 'lists blocks/'),
  'lists blocks/': (w, me) => ((me.known = w.blocks), me.known ? 'deletes blocks' : 'removes locks/'),
  'deletes blocks': deleteBlocks('deletes blocks', 'removes locks/'),
  'removes locks/': (w, me) => {
    removeLocks(w, me, rules)
    if (!rules.volumeDeletionEndsAtOnce) return 'lists what is left'
    for (let slot = 0; slot < firstActorSlot + w.actors.length; slot++) cfgs.remove(w, slot)
    w.blocks = 0
    return done
  },
  'lists what is left': (w, me) => ((me.seen = cfgs.all(w)), (me.known = w.blocks), 'deletes left cfgs'),
  'deletes left cfgs': (w, me, pick) =>
    deleteCfgs('deletes left cfgs', me.known ? 'deletes left blocks' : 'unlocks')(w, me, pick),
  'deletes left blocks': deleteBlocks('deletes left blocks', 'unlocks'),
  unlocks: unlock,
})

/** RestoreDeltaBlockBackup. */
const restore = (rules: Rules): Steps => ({
  ...lockSteps(rules, 'reads a cfg'),
  'reads a cfg': (w, me, pick) => (readBase(w, me, pick), me.known ? 'reads its blocks' : 'unlocks'),
  'reads its blocks': (w, me) => {
    if (me.known & ~w.blocks) w.fault = 'a restore misses a block in spite of its lock'
    return 'unlocks'
  },
  unlocks: unlock,
})

export const longhorn = {
  "Longhorn's backup": backup,
  "Longhorn's deletion": deletion,
  "Longhorn's volume deletion": volumeDeletion,
  "Longhorn's restore": restore,
}

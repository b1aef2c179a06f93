/**
 * @module actors: what each actor does, one store request a step. A step's name is what happens in it; it returns the next step's, or undefined
 * while it must wait.
 */
import {
  acquireLock, blocksOf, cfgAt, cfgState, conflicts, countBits, dropLock, expired, firstActorSlot, isOurMark, isOurs, lockState, nthBit,
  queueLock, referenced, refreshedInTime, removeCfg, slots, slotsWith,
} from './world.ts'
import type { Actor, Kind, World } from './world.ts'

export interface Rules {
  waitsForDeletions: boolean
  listsAgainAfterMark: boolean
  markInTime: boolean
  looksAgainBeforeCommit: boolean
  commitsIfUnchanged: boolean
  lateIsCrash: boolean
  honoursMarks: boolean
  relists: boolean
  checksLock: boolean
  prompt: boolean
  removesMarkIfUnchanged: boolean
  sparesLiveMarks: boolean
  looksAgainWhenAcquired: boolean
  settles: boolean
  acquiresInTime: boolean
  // Longhorn
  lhNeverExpires: boolean
  lhReadsLocksAtOnce: boolean
  lhVolumeEndsAtOnce: boolean
  lhVolumeSparesLocks: boolean
}

type Pick = (options: number) => number
export type Step = (w: World, me: Actor, pick: Pick) => string | undefined
export type Steps = Record<string, Step>
export const done = 'done'

const bitOf = (w: World, actor: Actor): number => 1 << (firstActorSlot + w.actors.indexOf(actor))
const lockedBy = (w: World, me: Actor, lock: number): Actor[] => w.actors.filter((other) => other !== me && conflicts(me, other) && other.lock === lock)

const giveWay = (w: World, me: Actor, back: string, on: string, waits = true): string | undefined => {
  if (lockedBy(w, me, lockState.acquired).length) return back
  return waits && lockedBy(w, me, lockState.waiting).length ? undefined : on
}

/** `known` of a backup: blocks assumed or sent (2 bits), and above them the blocks that the store had already. */
const readBase = (w: World, me: Actor, pick: Pick): void => {
  const bases = slotsWith(w, (cfg) => cfg === cfgState.committed)
  const choice = pick(1 + countBits(bases))
  me.known = choice ? blocksOf(w, nthBit(bases, choice - 1)) : 0
}

const send = (w: World, me: Actor, block: number): void => {
  if (me.known & block) return
  if (w.blocks & block) me.known |= block << 2
  else me.known |= block
  w.blocks |= block
}

export const ourBackup = (rules: Rules): Steps => ({
  'puts its lock': (w, me) => (acquireLock(w, me), 'lists the locks'),
  'lists the locks': (w, me) => giveWay(w, me, 'removes its lock', 'puts its mark', rules.waitsForDeletions),
  'removes its lock': (w, me) => (dropLock(w, me), 'puts its lock'),
  'puts its mark': (_w, me) => {
    me.cfg = cfgState.mark
    if (rules.markInTime && me.age > refreshedInTime) return 'puts its lock again'
    return rules.listsAgainAfterMark ? 'lists the locks again' : 'reads the base'
  },
  'lists the locks again': (w, me) => giveWay(w, me, 'removes its mark', 'reads the base', rules.waitsForDeletions),
  'removes its mark': (_w, me) => ((me.cfg = cfgState.none), 'removes its lock'),
  'reads the base': (w, me, pick) => (readBase(w, me, pick), me.known & 1 ? 'sends block 1' : 'sends block 0'),
  'sends block 0': (w, me) => (send(w, me, 1), 'sends block 1'),
  'sends block 1': (w, me) => (send(w, me, 2), rules.looksAgainBeforeCommit && me.known & 12 ? 'looks at blocks again' : 'commits'),
  'looks at blocks again': (w, me) => {
    const missing = (me.known >> 2) & ~w.blocks
    me.known = missing
    return missing ? 'sends missing blocks' : 'commits'
  },
  'sends missing blocks': (w, me) => ((w.blocks |= me.known), 'commits'),
  commits: (_w, me) => {
    if (me.cfg === cfgState.mark || !rules.commitsIfUnchanged) me.cfg = cfgState.committed
    return 'unlocks'
  },
  unlocks: (w, me) => (dropLock(w, me), done),
  'puts its lock again': (w, me) => (acquireLock(w, me), 'lists the locks anew'),
  'lists the locks anew': (w, me) => giveWay(w, me, 'removes its lock for now', 'looks for its mark', rules.waitsForDeletions),
  'removes its lock for now': (w, me) => (dropLock(w, me), 'puts its lock again'),
  'looks for its mark': (_w, me) => {
    if (me.cfg !== cfgState.mark) return 'unlocks'
    me.known &= 3
    return me.known ? 'sends block 0' : 'reads the base'
  },
})

const sortsBefore = (w: World, me: Actor): boolean =>
  lockedBy(w, me, lockState.acquired).length > 0 || lockedBy(w, me, lockState.waiting).some((other) => other.turn < me.turn)

/** Deletes one of the blocks that `known` names. */
const deleteBlock =
  (here: string, next: string): Step =>
  (w, me, pick) => {
    const block = 1 << nthBit(me.known, pick(countBits(me.known)))
    w.blocks &= ~block
    me.known &= ~block
    return me.known ? here : next
  }

export const ourDeletion = (rules: Rules): Steps => ({
  'puts its lock': (w, me, pick) => (queueLock(w, me, pick), 'compares the locks'),
  'compares the locks': (w, me) => {
    if (rules.settles && me.recent) return undefined
    return sortsBefore(w, me) ? 'removes its lock' : 'acquires its lock'
  },
  'removes its lock': (w, me) => (dropLock(w, me), 'puts its lock'),
  'acquires its lock': (w, me) => {
    if (me.lock === lockState.none) return 'removes its lock'
    const late = me.age > refreshedInTime
    acquireLock(w, me)
    if (late && rules.acquiresInTime) return 'removes its lock'
    return rules.looksAgainWhenAcquired ? 'lists the locks again' : 'deletes a backup'
  },
  'lists the locks again': (w, me) => giveWay(w, me, 'removes its lock', 'deletes a backup'),
  'deletes a backup': (w, me, pick) => {
    const backups = slotsWith(w, (cfg) => cfg === cfgState.committed)
    const choice = pick(1 + countBits(backups))
    if (choice) removeCfg(w, nthBit(backups, choice - 1))
    return 'lists the locks for live backups'
  },
  'lists the locks for live backups': (w, me) => {
    const live = w.actors.some((other) => conflicts(me, other))
    return live && rules.sparesLiveMarks ? 'reads the cfgs' : 'lists the marks'
  },
  'lists the marks': (w, me) => {
    me.seen = slotsWith(w, (_cfg, slot) => isOurMark(w, slot))
    return me.seen ? 'removes a mark' : 'reads the cfgs'
  },
  'removes a mark': (w, me, pick) => {
    const slot = nthBit(me.seen, pick(countBits(me.seen)))
    me.seen &= ~(1 << slot)
    if (cfgAt(w, slot) === cfgState.committed && !rules.removesMarkIfUnchanged) w.fault = 'a mark was removed that had become a backup'
    if (cfgAt(w, slot) === cfgState.mark) removeCfg(w, slot)
    return me.seen ? 'removes a mark' : 'reads the cfgs'
  },
  'reads the cfgs': (w, me) => {
    if (rules.honoursMarks && slotsWith(w, (cfg) => cfg === cfgState.mark)) return 'unlocks'
    me.seen = slotsWith(w, (cfg) => cfg !== cfgState.none)
    me.known = referenced(w, me.seen)
    return 'lists the blocks'
  },
  'lists the blocks': (w, me) => {
    me.known = w.blocks & ~me.known
    return me.known ? 'lists the cfgs again' : 'unlocks'
  },
  'lists the cfgs again': (w, me) => {
    const changed = me.seen !== slotsWith(w, (cfg) => cfg !== cfgState.none)
    me.seen = 0
    return changed && rules.relists ? 'unlocks' : 'checks its lock'
  },
  'checks its lock': (_w, me) => {
    if (!rules.checksLock) return 'deletes blocks'
    return me.lock === lockState.none || me.age > refreshedInTime ? 'removes its lock' : 'deletes blocks'
  },
  'deletes blocks': deleteBlock('deletes blocks', 'unlocks'),
  unlocks: (w, me) => (dropLock(w, me), done),
})

const lhLock = (rules: Rules, next: string): Steps => ({
  'puts its lock': (w, me, pick) => (queueLock(w, me, pick), 'lists and reads the locks'),
  'lists and reads the locks': (w, me) => {
    if (me.recent) return undefined
    if (rules.lhReadsLocksAtOnce) return sortsBefore(w, me) ? 'unlocks' : 'acquires its lock'
    if (lockedBy(w, me, lockState.acquired).length) return 'unlocks'
    for (const other of lockedBy(w, me, lockState.waiting)) me.seen |= bitOf(w, other)
    return me.seen ? 'reads the times of locks' : 'acquires its lock'
  },
  'reads the times of locks': (w, me) => {
    const before = lockedBy(w, me, lockState.waiting).some((other) => me.seen & bitOf(w, other) && other.turn < me.turn)
    me.seen = 0
    return before ? 'unlocks' : 'acquires its lock'
  },
  'acquires its lock': (w, me) => (acquireLock(w, me), next),
})

export const lhBackup = (rules: Rules): Steps => ({
  ...lhLock(rules, 'reads the base'),
  'reads the base': (w, me, pick) => (readBase(w, me, pick), 'puts its mark'),
  'puts its mark': (_w, me) => ((me.cfg = cfgState.mark), me.known & 1 ? 'looks for block 1' : 'looks for block 0'),
  'looks for block 0': (w) => (w.blocks & 1 ? 'looks for block 1' : 'puts block 0'),
  'puts block 0': (w) => ((w.blocks |= 1), 'looks for block 1'),
  'looks for block 1': (w, me) => ((w.blocks | me.known) & 2 ? 'commits' : 'puts block 1'),
  'puts block 1': (w) => ((w.blocks |= 2), 'commits'),
  commits: (_w, me) => ((me.cfg = cfgState.committed), 'unlocks'),
  unlocks: (w, me) => (dropLock(w, me), done),
})

export const lhDeletion = (rules: Rules): Steps => ({
  ...lhLock(rules, 'deletes a backup'),
  'deletes a backup': (w, me, pick) => {
    const cfgs = slotsWith(w, (cfg) => cfg !== cfgState.none)
    const choice = pick(1 + countBits(cfgs))
    if (choice) removeCfg(w, nthBit(cfgs, choice - 1))
    return 'lists the cfgs'
  },
  'lists the cfgs': (w, me) => ((me.seen = slotsWith(w, (cfg) => cfg !== cfgState.none)), 'lists the blocks'),
  'lists the blocks': (w, me) => ((me.known = w.blocks), me.known ? 'reads the cfgs' : 'unlocks'),
  'reads the cfgs': (w, me) => {
    if (me.seen & ~slotsWith(w, (cfg) => cfg === cfgState.committed)) return 'unlocks'
    me.known &= ~referenced(w, me.seen)
    return me.known ? 'lists the cfgs again' : 'unlocks'
  },
  'lists the cfgs again': (w, me) => {
    const changed = me.seen !== slotsWith(w, (cfg) => cfg !== cfgState.none)
    me.seen = 0
    return changed ? 'unlocks' : 'deletes blocks'
  },
  'deletes blocks': deleteBlock('deletes blocks', 'unlocks'),
  unlocks: (w, me) => (dropLock(w, me), done),
})

const removeLocks = (w: World, me: Actor, rules: Rules): void => {
  for (const other of w.actors) {
    if (other === me || other.lock === lockState.none || (rules.lhVolumeSparesLocks && other.age < expired)) continue
    const { age } = other
    dropLock(w, other)
    other.age = age
  }
  dropLock(w, me)
}

const removeAll = (w: World): void => {
  for (let slot = 0; slot < slots(w); slot++) removeCfg(w, slot)
  w.blocks = 0
}

const deleteCfg =
  (here: string, next: string): Step =>
  (w, me, pick) => {
    if (!me.seen) return next
    const slot = nthBit(me.seen, pick(countBits(me.seen)))
    removeCfg(w, slot)
    me.seen &= ~(1 << slot)
    return me.seen ? here : next
  }

export const lhVolumeDeletion = (rules: Rules): Steps => ({
  ...lhLock(rules, 'lists backups/'),
  'lists backups/': (w, me) => {
    me.seen = slotsWith(w, (cfg) => cfg !== cfgState.none)
    return me.seen ? 'deletes cfgs' : 'lists blocks/'
  },
  'deletes cfgs': deleteCfg('deletes cfgs', 'lists blocks/'),
  'lists blocks/': (w, me) => ((me.known = w.blocks), me.known ? 'deletes blocks' : 'removes locks/'),
  'deletes blocks': deleteBlock('deletes blocks', 'removes locks/'),
  'removes locks/': (w, me) => {
    removeLocks(w, me, rules)
    if (!rules.lhVolumeEndsAtOnce) return 'lists what is left'
    removeAll(w)
    return done
  },
  'lists what is left': (w, me) => {
    me.seen = slotsWith(w, (cfg) => cfg !== cfgState.none)
    me.known = w.blocks
    return me.known ? 'deletes left cfgs' : 'unlocks'
  },
  'deletes left cfgs': deleteCfg('deletes left cfgs', 'deletes left blocks'),
  'deletes left blocks': deleteBlock('deletes left blocks', 'unlocks'),
  unlocks: (w, me) => (dropLock(w, me), done),
})

export const lhRestore = (rules: Rules): Steps => ({
  ...lhLock(rules, 'reads a cfg'),
  'reads a cfg': (w, me, pick) => (readBase(w, me, pick), me.known ? 'reads its blocks' : 'unlocks'),
  'reads its blocks': (w, me, pick) => {
    const block = 1 << nthBit(me.known, pick(countBits(me.known)))
    if (!(w.blocks & block)) w.fault = 'a restore under its lock misses a block'
    me.known &= ~block
    return me.known ? 'reads its blocks' : 'unlocks'
  },
  unlocks: (w, me) => (dropLock(w, me), done),
})

export const late: Partial<Record<Kind, Record<string, string>>> = {
  'our backup': {
    'lists the locks': 'removes its lock',
    'puts its mark': 'removes its lock',
    'lists the locks again': 'puts its lock again',
    'reads the base': 'puts its lock again',
    'sends block 0': 'puts its lock again',
    'sends block 1': 'puts its lock again',
    'looks at blocks again': 'puts its lock again',
    'sends missing blocks': 'puts its lock again',
    'lists the locks anew': 'puts its lock again',
    'looks for its mark': 'puts its lock again',
  },
  'our deletion': Object.fromEntries(
    ['lists the locks again', 'deletes a backup', 'lists the locks for live backups', 'lists the marks', 'removes a mark', 'reads the cfgs',
      'lists the blocks', 'lists the cfgs again', 'checks its lock'].map((at) => [at, 'removes its lock']),
  ),
}

export const stepsOf = (kind: Kind, rules: Rules): Steps =>
  ({ 'our backup': ourBackup, 'our deletion': ourDeletion, "Longhorn's backup": lhBackup, "Longhorn's deletion": lhDeletion,
    "Longhorn's volume deletion": lhVolumeDeletion, "Longhorn's restore": lhRestore })[kind](rules)

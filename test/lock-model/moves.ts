/** @module moves: packing of states into numbers, and all that can happen in a state: a step of an actor, a refresh, a death, time. */
import { longhorn } from './longhorn-actors.ts'
import { afterLoss, isPrompt, ourBackup, ourDeletion } from './our-actors.ts'
import { age, bothBlocks, done, dropLock, isDeletion, isOurs, lock, putAcquiredLock } from './world.ts'
import type { Rules } from './rules.ts'
import type { Actor, Kind, Pick, Steps, World } from './world.ts'

export const stepsOf: Record<Kind, (rules: Rules) => Steps> = {
  'our backup': ourBackup,
  'our deletion': ourDeletion,
  ...longhorn,
}

const newActor = (kind: Kind): Actor => ({
  kind,
  at: 'puts its lock',
  known: 0,
  seen: 0,
  lock: 0,
  age: 0,
  turn: 0,
  recent: 0,
  cfg: 0,
  stalled: 0,
})

const forgetsAll = new Set([done, 'puts its lock', 'removes its lock', 'unlocks'])
const forgetsWhatStoreHad = new Set([
  'takes its lock again',
  'lists the locks anew',
  'removes its lock for now',
  'looks for its mark',
])

/** What an actor will not look at again must not make two states of one. */
const forget = (me: Actor, rules: Rules): void => {
  if (forgetsAll.has(me.at)) me.known = me.seen = 0
  else if (forgetsWhatStoreHad.has(me.at)) me.known &= bothBlocks
  if (!isPrompt(me, rules)) me.stalled = 0
}

const swapSlots = (mask: number, slot: number): number =>
  ((mask >> slot) ^ (mask >> (slot + 1))) & 1 ? mask ^ (3 << slot) : mask

/** Once all deletions, or all others, have ended, nobody is left whom the age of a lock could let in. */
const hasOpponents = (w: World): boolean =>
  w.actors.some((me) => me.at !== done && isDeletion(me)) &&
  w.actors.some((me) => me.at !== done && !isDeletion(me))

export type Packed = Int32Array

export interface Model {
  world: World
  pack(into: Packed): void
  unpack(from: Packed, offset: number): void
  /** Shows each successor of the packed state in `world`, until `visit` returns true. */
  successors(from: Packed, offset: number, visit: (move: string) => boolean): boolean
}

export const lockModel = (kinds: readonly Kind[], rules: Rules): Model => {
  const world: World = { blocks: 0, earlier: [0, 0], leftover: 0, actors: kinds.map(newActor), fault: '' }
  const steps = kinds.map((kind) => stepsOf[kind](rules))
  const names = steps.map((of) => [done, ...Object.keys(of)])
  const codes = names.map((of) => new Map(of.map((name, code) => [name, code])))

  const labels = names.map((of, i) =>
    [...of, 'refreshes its lock', 'dies'].map((name) => `${kinds[i]} ${name}`),
  )
  const isMortal = kinds.map((kind) => !kind.startsWith('our'))

  const packActor = (me: Actor, i: number): number =>
    (codes[i]?.get(me.at) ?? 0) |
    (me.known << 5) |
    (me.seen << 9) |
    (me.lock << 15) |
    (me.age << 17) |
    (me.turn << 19) |
    (me.recent << 21) |
    (me.cfg << 22) |
    (me.stalled << 24)

  const unpackActor = (me: Actor, i: number, x: number): void => {
    me.at = names[i]?.[x & 31] ?? done
    me.known = (x >> 5) & 15
    me.seen = (x >> 9) & 63
    me.lock = (x >> 15) & 3
    me.age = (x >> 17) & 3
    me.turn = (x >> 19) & 3
    me.recent = (x >> 21) & 1
    me.cfg = (x >> 22) & 3
    me.stalled = (x >> 24) & 1
  }

  /** Two of a kind are the same either way round. */
  const sortTwins = (into: Packed): boolean => {
    for (let i = 0; i + 1 < kinds.length; i++) {
      if (kinds[i] !== kinds[i + 1] || into[i]! <= into[i + 1]!) continue
      world.actors.splice(i, 2, world.actors[i + 1]!, world.actors[i]!)
      for (const me of world.actors) me.seen = swapSlots(me.seen, 3 + i)
      return true
    }
    return false
  }

  const pack = (into: Packed): void => {
    for (const me of world.actors) forget(me, rules)
    do for (let i = 0; i < kinds.length; i++) into[i] = packActor(world.actors[i]!, i)
    while (sortTwins(into))
    into[0]! |= (world.blocks << 25) | (world.earlier[0] << 27)
    into[1]! |= (world.earlier[1] << 25) | (world.leftover << 27)
  }

  const unpack = (from: Packed, offset: number): void => {
    for (let i = 0; i < kinds.length; i++) unpackActor(world.actors[i]!, i, from[offset + i]!)
    const x = from[offset]! >> 25
    const y = from[offset + 1]! >> 25
    world.blocks = x & 3
    world.earlier[0] = (x >> 2) & 3
    world.earlier[1] = y & 3
    world.leftover = (y >> 2) & 1
    world.fault = ''
  }

  /** A refresh of ours that comes late, or finds no lock, tells its actor. Those in time are part of time's passing. */
  const refresh = (me: Actor, i: number): boolean => {
    const isFresh = me.lock === lock.acquired && me.age === age.upTo100s
    if (me.lock === lock.waiting || isFresh) return false
    if (!isOurs(me)) {
      if ((codes[i]?.get(me.at) ?? 0) <= (codes[i]?.get('acquires its lock') ?? 0)) return false
      putAcquiredLock(world, me)
      return true
    }
    const next = afterLoss(me)
    if (me.lock === lock.none && next === me.at) return false
    if (me.lock === lock.acquired) me.age = age.upTo100s
    if (me.lock === lock.none || rules.lateIsCrash) me.at = next
    return true
  }

  /** A dead process makes no more requests; its lock is let expire at once. */
  const die = (me: Actor): boolean => {
    if (isOurs(me) || me.at === 'puts its lock') return false
    dropLock(world, me)
    me.at = done
    return true
  }

  const passSecond = (): boolean => {
    const isNew = world.actors.some((me) => me.recent)
    for (const me of world.actors) me.recent = 0
    return isNew
  }

  const pass50s = (pick: Pick): boolean => {
    if (world.actors.some((me) => me.stalled)) return false
    passSecond()
    const aging = world.actors.filter(
      (me) => (me.lock || me.age) && (isOurs(me) || !rules.longhornNeverExpires),
    )
    const young = aging.filter((me) => me.age === age.upTo100s)
    const left = pick(1 << young.length)
    for (const me of aging) if (me.age === age.upTo150s) me.age = age.expired
    young.forEach((me, i) => (me.age = (left >> i) & 1 ? age.upTo150s : age.upTo100s))
    for (const me of world.actors) me.stalled = isPrompt(me, rules) ? 1 : 0
    return true
  }

  const step = (me: Actor, i: number, pick: Pick): boolean => {
    const next = steps[i]?.[me.at]?.(world, me, pick)
    me.at = next ?? me.at
    return next !== undefined
  }

  const successors: Model['successors'] = (from, offset, visit) => {
    const tryAll = (name: string, move: (pick: Pick) => boolean): boolean => {
      let options = 1
      for (let choice = 0; choice < options; choice++) {
        unpack(from, offset)
        const isPossible = move((count) => ((options = count), choice))
        if (!isPossible) return false
        if (visit(name)) return true
      }
      return false
    }
    unpack(from, offset)
    const isTimed = hasOpponents(world)
    for (let i = 0; i < kinds.length; i++) {
      const code = from[offset + i]! & 31
      if (code === 0) continue
      if (tryAll(labels[i]![code]!, (pick) => step(world.actors[i]!, i, pick))) return true
      if (isTimed && tryAll(labels[i]![names[i]!.length]!, () => refresh(world.actors[i]!, i))) return true
      if (isTimed && isMortal[i] && tryAll(labels[i]![names[i]!.length + 1]!, () => die(world.actors[i]!)))
        return true
    }
    return tryAll('a second passes', passSecond) || (isTimed && tryAll('50 s pass', pass50s))
  }
  return { world, pack, unpack, successors }
}

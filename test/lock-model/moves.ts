/** @module moves: all that can happen in a state: a step of an actor, a refresh, a death, time; and states as short keys. */
import * as locks from './locks.ts'
import { longhorn } from './longhorn-actors.ts'
import { afterLoss, isPrompt, ourBackup, ourDeletion } from './our-actors.ts'
import { age, bothBlocks, done, firstActorSlot, isDeletion, isOurs, lock } from './world.ts'
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

export interface Model {
  world: World
  /** The world as a key, equal for worlds that differ only in what does not matter. */
  pack(): string
  unpack(key: string): void
  /** Shows each successor of a world in `world`, until `visit` returns true. */
  successors(key: string, visit: (move: string) => boolean): boolean
}

export const lockModel = (kinds: readonly Kind[], rules: Rules): Model => {
  const world: World = { blocks: 0, earlier: [0, 0], leftover: 0, actors: kinds.map(newActor), fault: '' }
  const steps = kinds.map((kind) => stepsOf[kind](rules))
  const names = steps.map((of) => [done, ...Object.keys(of)])
  const codes = names.map((of) => new Map(of.map((name, code) => [name, code])))

  const labels = names.map((of, i) =>
    [...of, 'refreshes its lock', 'dies'].map((name) => `${kinds[i]} ${name}`),
  )

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

  const words = [0, 0, 0]

  /** Two of a kind are the same either way round. */
  const sortTwins = (): boolean => {
    const i = kinds.findIndex((kind, at) => kind === kinds[at + 1] && words[at]! > words[at + 1]!)
    if (i < 0) return false
    world.actors.splice(i, 2, world.actors[i + 1]!, world.actors[i]!)
    for (const me of world.actors) me.seen = swapSlots(me.seen, firstActorSlot + i)
    return true
  }

  const pack = (): string => {
    for (const me of world.actors) forget(me, rules)
    do world.actors.forEach((me, i) => (words[i] = packActor(me, i)))
    while (sortTwins())
    const store = world.blocks | (world.earlier[0] << 2) | (world.earlier[1] << 4) | (world.leftover << 6)
    const [a = 0, b = 0, c = 0] = words
    return String.fromCharCode(store, a & 0xffff, a >> 16, b & 0xffff, b >> 16, c & 0xffff, c >> 16)
  }

  const unpack = (key: string): void => {
    world.actors.forEach((me, i) =>
      unpackActor(me, i, key.charCodeAt(2 * i + 1) | (key.charCodeAt(2 * i + 2) << 16)),
    )
    const store = key.charCodeAt(0)
    world.blocks = store & 3
    world.earlier[0] = (store >> 2) & 3
    world.earlier[1] = (store >> 4) & 3
    world.leftover = store >> 6
    world.fault = ''
  }

  /** A refresh of ours that comes late, or finds no lock, tells its actor. Those in time are part of time's passing. */
  const refresh = (me: Actor, i: number): boolean => {
    const isFresh = me.lock === lock.acquired && me.age === age.upTo100s
    if (me.lock === lock.waiting || isFresh) return false
    if (!isOurs(me)) {
      if ((codes[i]?.get(me.at) ?? 0) <= (codes[i]?.get('acquires its lock') ?? 0)) return false
      locks.putAcquired(world, me)
      return true
    }
    const next = afterLoss(me)
    if (me.lock === lock.none && next === me.at) return false
    if (me.lock === lock.acquired) me.age = age.upTo100s
    if (me.lock === lock.none || rules.lateIsCrash) me.at = next
    return true
  }

  /** Longhorn's locks never expire under it, so that its deaths are moves; its lock then expires at once. Ours die by taking no more steps. */
  const die = (me: Actor): boolean => {
    if (isOurs(me) || me.at === 'puts its lock') return false
    locks.drop(world, me)
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

  const successors: Model['successors'] = (key, visit) => {
    const tryAll = (name: string, move: (pick: Pick) => boolean): boolean => {
      let options = 1
      for (let choice = 0; choice < options; choice++) {
        unpack(key)
        const isPossible = move((count) => ((options = count), choice))
        if (!isPossible) return false
        if (visit(name)) return true
      }
      return false
    }
    unpack(key)
    const isTimed = hasOpponents(world)
    for (let i = 0; i < kinds.length; i++) {
      const code = key.charCodeAt(2 * i + 1) & 31
      if (code === 0) continue
      if (tryAll(labels[i]![code]!, (pick) => step(world.actors[i]!, i, pick))) return true
      if (isTimed && tryAll(labels[i]![names[i]!.length]!, () => refresh(world.actors[i]!, i))) return true
      if (isTimed && tryAll(labels[i]![names[i]!.length + 1]!, () => die(world.actors[i]!))) return true
    }
    return tryAll('a second passes', passSecond) || (isTimed && tryAll('50 s pass', pass50s))
  }
  return { world, pack, unpack, successors }
}

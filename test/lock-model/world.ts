/**
 * @module world: the state that the lock model explores: one backup volume with two blocks, and the two or three actors at work on it.
 *
 * - Time goes in steps of 50 s. Of a lock's age only what the rules ask is kept: at most 100 s old, 150 s, or older, which is expired. A step leaves
 *   a lock in the first class or takes it to the second: more than ages of 0, 50, 100 and refreshes in time can do.
 * - Locks not yet acquired stand in a queue, by mtime, then name. One that is written in the same second as others takes any place among them:
 *   that is every order of names.
 * - `volume.cfg` is not kept. Where it is read it may name any backup there is, or none: more than its writers can do.
 */
export const kinds = [
  'our backup',
  'our deletion',
  "Longhorn's backup",
  "Longhorn's deletion",
  "Longhorn's volume deletion",
  "Longhorn's restore",
] as const
export type Kind = (typeof kinds)[number]

export const lock = { none: 0, waiting: 1, acquired: 2 } as const
export const cfg = { none: 0, mark: 1, committed: 2 } as const
export const age = { upTo100s: 0, upTo150s: 1, expired: 2 } as const

export interface Actor {
  kind: Kind
  /** The step that it takes next. */
  at: string
  /** Blocks that it takes for granted, or is about to delete; in bits 2 and 3 those that the store said it had already. */
  known: number
  /** Cfgs (or, by their owners' slots, locks) that it saw: one bit a slot. */
  seen: number
  lock: number
  /** Since the last write of its lock that it made. */
  age: number
  /** Its place in the queue of locks not yet acquired. */
  turn: number
  /** Whether its waiting lock was written within this second. */
  recent: number
  /** The cfg of the backup that it makes. */
  cfg: number
  /** Steps of 50 s since it last checked its lock. */
  stalled: number
}

export interface World {
  /** The blocks on the store: one bit each. */
  blocks: number
  /** The blocks of two earlier backups; 0: there is no such backup. */
  earlier: [number, number]
  /** Whether a dead backup of ours left its in-progress mark. */
  leftover: number
  actors: Actor[]
  /** What the last step did wrong, if anything. */
  fault: string
}

/** Chooses one of so many; the explorer tries them all. */
export type Pick = (options: number) => number
/** One request to the store: changes the world and returns the actor's next step, or `undefined` while it must wait. */
export type Step = (w: World, me: Actor, pick: Pick) => string | undefined
export type Steps = Record<string, Step>

export const done = 'done'
export const bothBlocks = 3
/** Slots of cfgs: the two earlier backups, the leftover mark, then each actor's. */
export const firstActorSlot = 3

export const isOurs = (actor: Actor): boolean => actor.kind.startsWith('our')
export const isDeletion = (actor: Actor): boolean => actor.kind.endsWith('deletion')

/** One of the mask's bits, by its position; -1: none, where that is offered too. */
export const pickBit = (mask: number, pick: Pick, orNone = false): number => {
  let count = orNone ? 1 : 0
  for (let rest = mask; rest; rest &= rest - 1) count++
  let left = pick(count) - (orNone ? 1 : 0)
  if (left < 0) return -1
  for (let position = 0; ; position++) if ((mask >> position) & 1 && left-- === 0) return position
}

/** A step that deletes the blocks in `known`, one after another. */
export const deleteBlocks =
  (here: string, next: string): Step =>
  (w, me, pick) => {
    const block = 1 << pickBit(me.known, pick)
    w.blocks &= ~block
    me.known &= ~block
    return me.known ? here : next
  }

/**
 * @module world: the state that the lock model explores: one backup volume of two blocks, and up to three actors.
 *
 * A lock's age counts steps of 50 s since it was last written: up to 3 (150 s) it is live, 4 stands for every later moment. Locks not yet acquired
 * stand in a queue by mtime, then name. A lock written in the same second as others takes any place among them, which is every order of names.
 * `volume.cfg` is left out: where it is read, it may name any backup there is, or none; which is more than any order of writing it can do.
 */
export type Kind = 'our backup' | 'our deletion' | "Longhorn's backup" | "Longhorn's deletion" | "Longhorn's volume deletion" | "Longhorn's restore"

export const lockState = { none: 0, waiting: 1, acquired: 2 } as const
export const cfgState = { none: 0, mark: 1, committed: 2 } as const

/** Ages, in steps of 50 s. */
export const refreshedInTime = 2
export const expired = 4

export interface Actor {
  kind: Kind
  /** The step that it takes next. */
  at: string
  /** Of blocks, two masks: what it takes for granted or will delete; and from bit 2, what the store answered it had. */
  known: number
  /** Of cfgs (or locks), a mask with one bit a slot: what it saw in its last listing. */
  seen: number
  lock: number
  age: number
  turn: number
  recent: number
  /** Its own backup's cfg. */
  cfg: number
  /** Steps of 50 s since it last checked its lock. */
  stalled: number
}

export interface World {
  /** Which of the two blocks are on the store. */
  blocks: number
  /** Blocks of two earlier backups; 0: there is no such backup. */
  old: [number, number]
  /** An in-progress mark that a dead backup of ours left. */
  leftover: number
  actors: Actor[]
  /** What went wrong in the step that led here. */
  fault: string
}

export const isDeletion = (kind: Kind): boolean => kind.includes('deletion')
export const isOurs = (kind: Kind): boolean => kind.startsWith('our')
export const conflicts = (me: Actor, other: Actor): boolean =>
  isDeletion(me.kind) !== isDeletion(other.kind) && other.lock !== lockState.none && other.age < expired

/** Slots of cfgs: 0 and 1 the earlier backups, 2 the leftover mark, then each actor's own. */
export const firstActorSlot = 3
export const slots = (w: World): number => firstActorSlot + w.actors.length

export const cfgAt = (w: World, slot: number): number => {
  if (slot < 2) return w.old[slot] ? cfgState.committed : cfgState.none
  return slot === 2 ? w.leftover : (w.actors[slot - firstActorSlot]?.cfg ?? 0)
}

/** Blocks of the backup in this slot, if it is committed: every new backup has both. */
export const blocksOf = (w: World, slot: number): number =>
  slot < 2 ? (w.old[slot] ?? 0) : cfgAt(w, slot) === cfgState.committed ? 3 : 0

export const removeCfg = (w: World, slot: number): void => {
  if (slot < 2) w.old[slot] = 0
  else if (slot === 2) w.leftover = 0
  else w.actors[slot - firstActorSlot]!.cfg = cfgState.none
}

export const isOurMark = (w: World, slot: number): boolean =>
  cfgAt(w, slot) === cfgState.mark && (slot === 2 || isOurs(w.actors[slot - firstActorSlot]!.kind))

/** One bit for each slot whose cfg satisfies the condition. */
export const slotsWith = (w: World, condition: (cfg: number, slot: number) => boolean): number => {
  let mask = 0
  for (let slot = 0; slot < slots(w); slot++) if (condition(cfgAt(w, slot), slot)) mask |= 1 << slot
  return mask
}

/** The slot of the mask's n-th bit. */
export const nthBit = (mask: number, n: number): number => {
  let slot = 0
  for (let rest = mask, left = n; ; rest >>= 1, slot++) if (rest & 1 && left-- === 0) return slot
}

export const countBits = (mask: number): number => {
  let count = 0
  for (let rest = mask; rest; rest >>= 1) count += rest & 1
  return count
}

export const referenced = (w: World, mask: number): number => {
  let blocks = 0
  for (let slot = 0; slot < slots(w); slot++) if (mask & (1 << slot)) blocks |= blocksOf(w, slot)
  return blocks
}

export const dropLock = (w: World, me: Actor): void => {
  if (me.lock === lockState.waiting) for (const other of w.actors) if (other.turn > me.turn) other.turn--
  me.lock = lockState.none
  me.age = 0
  me.turn = 0
  me.recent = 0
}

/** Writes a lock that is not acquired yet; `pick` chooses its place among those of this second. */
export const queueLock = (w: World, me: Actor, pick: (options: number) => number): void => {
  const queue = w.actors.filter((other) => other.lock === lockState.waiting)
  const place = queue.length - pick(1 + queue.filter((other) => other.recent).length)
  for (const other of queue) if (other.turn >= place) other.turn++
  me.lock = lockState.waiting
  me.age = 0
  me.turn = place
  me.recent = 1
}

export const acquireLock = (w: World, me: Actor): void => {
  dropLock(w, me)
  me.lock = lockState.acquired
}

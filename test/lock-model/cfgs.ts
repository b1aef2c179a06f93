/** @module cfgs: the cfgs of backups on the store, in slots: the two earlier backups, the leftover mark, then each actor's. A mask has one bit a slot. */
import { bothBlocks, cfg, firstActorSlot, isOurs } from './world.ts'
import type { Actor, World } from './world.ts'

const ownerOf = (w: World, slot: number): Actor => w.actors[slot - firstActorSlot]!

export const at = (w: World, slot: number): number => {
  if (slot < 2) return w.earlier[slot] ? cfg.committed : cfg.none
  return slot === 2 ? w.leftover : ownerOf(w, slot).cfg
}

export const remove = (w: World, slot: number): void => {
  if (slot < 2) w.earlier[slot] = 0
  else if (slot === 2) w.leftover = 0
  else ownerOf(w, slot).cfg = cfg.none
}

const isOurMark = (w: World, slot: number): boolean =>
  at(w, slot) === cfg.mark && (slot === 2 || isOurs(ownerOf(w, slot)))

const slotsWhere = (w: World, condition: (slot: number) => boolean): number => {
  let mask = 0
  for (let slot = 0; slot < firstActorSlot + w.actors.length; slot++) if (condition(slot)) mask |= 1 << slot
  return mask
}

export const all = (w: World): number => slotsWhere(w, (slot) => at(w, slot) !== cfg.none)
export const committed = (w: World): number => slotsWhere(w, (slot) => at(w, slot) === cfg.committed)
export const ourMarks = (w: World): number => slotsWhere(w, (slot) => isOurMark(w, slot))

/** Every new backup has both blocks. */
export const blocksOf = (w: World, slot: number): number => (slot < 2 ? (w.earlier[slot] ?? 0) : bothBlocks)

export const blocksIn = (w: World, cfgs: number): number => {
  let blocks = 0
  for (let slot = 0; cfgs >> slot; slot++) if ((cfgs >> slot) & 1) blocks |= blocksOf(w, slot)
  return blocks
}

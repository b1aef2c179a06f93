/** @module locks: the locks on the store. */
import { age, isDeletion, lock } from './world.ts'
import type { Actor, Pick, World } from './world.ts'

/** Whether a live lock of the other type, in this state, is there. */
export const opposed = (
  w: World,
  me: Actor,
  state: number,
  and: (other: Actor) => boolean = () => true,
): boolean =>
  w.actors.some(
    (it) => it.lock === state && it.age < age.expired && isDeletion(it) !== isDeletion(me) && and(it),
  )

export const hasOneBefore = (w: World, me: Actor): boolean =>
  opposed(w, me, lock.acquired) || opposed(w, me, lock.waiting, (other) => other.turn < me.turn)

export const drop = (w: World, me: Actor): void => {
  if (me.lock === lock.waiting) for (const other of w.actors) if (other.turn > me.turn) other.turn--
  me.lock = lock.none
  me.age = age.upTo100s
  me.turn = 0
  me.recent = 0
}

export const putWaiting = (w: World, me: Actor, pick: Pick): void => {
  const queue = w.actors.filter((other) => other.lock === lock.waiting)
  const ties = queue.filter((other) => other.recent).length
  const place = queue.length - pick(1 + ties)
  for (const other of queue) if (other.turn >= place) other.turn++
  me.lock = lock.waiting
  me.turn = place
  me.recent = 1
}

export const putAcquired = (w: World, me: Actor): void => {
  drop(w, me)
  me.lock = lock.acquired
}

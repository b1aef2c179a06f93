/**
 * @module explore: walks every state that can be reached, breadth first, and tells of the first wrong one by the shortest way to it.
 *
 * A state is wrong in which a committed cfg names a block that is not on the store. That holds of every state, in the middle of deletions and of
 * volume deletions too, since they remove cfgs before blocks. Wrong as well: a removal of marks takes a backup that has been committed; a Longhorn
 * restore that has its lock misses a block.
 */
import * as cfgs from './cfgs.ts'
import { lockModel } from './moves.ts'
import { cfg, firstActorSlot } from './world.ts'
import type { Rules } from './rules.ts'
import type { Actor, Kind, World } from './world.ts'

export type Start = Pick<World, 'blocks' | 'earlier' | 'leftover'>

export interface Outcome {
  states: number
  /** Every move that was made. */
  moves: Set<string>
  /** The way to a wrong state, and what is wrong. */
  counterexample?: string[]
}

const fault = (w: World): string =>
  w.fault || (cfgs.blocksIn(w, cfgs.committed(w)) & ~w.blocks ? 'a committed backup misses a block' : '')

const describeCfg = (w: World, slot: number): string => {
  const state = ['', 'mark', 'committed'][cfgs.at(w, slot)]
  if (slot < 2) return `an earlier backup of blocks ${cfgs.blocksOf(w, slot).toString(2)}`
  return `${w.actors[slot - firstActorSlot]?.kind ?? 'a dead backup'}: ${state}`
}

const describeLock = (me: Actor): string =>
  `${me.kind}: ${['', 'waiting', 'acquired'][me.lock]}, ${['≤ 100 s', '150 s', 'expired'][me.age]}`

const describe = (w: World): string => {
  const slots = Array.from({ length: firstActorSlot + w.actors.length }, (_, slot) => slot)
  const present = slots.filter((slot) => cfgs.at(w, slot) !== cfg.none).map((slot) => describeCfg(w, slot))
  const locked = w.actors.filter((me) => me.lock).map(describeLock)
  return `blocks ${w.blocks.toString(2)} | cfgs ${present.join('; ')} | locks ${locked.join('; ')}`
}

/** Explores all interleavings of these actors from all these starts. */
export const explore = (kinds: readonly Kind[], starts: readonly Start[], rules: Rules): Outcome => {
  const model = lockModel(kinds, rules)
  const { world } = model
  const known = new Set<string>()
  const states: string[] = []
  const parents: number[] = []
  const moves = new Set<string>()

  const add = (key: string, parent: number): void => {
    if (known.has(key)) return
    known.add(key)
    states.push(key)
    parents.push(parent)
  }

  const wayTo = (last: number): string[] => {
    const path: number[] = []
    for (let index = last; index >= 0; index = parents[index]!) path.unshift(index)
    return path.map((index, i) => {
      const key = states[index]!
      let line = 'start'
      if (i > 0) model.successors(states[path[i - 1]!]!, (move) => ((line = move), model.pack() === key))
      model.unpack(key)
      return `${line.padEnd(50)} ${describe(world)}`
    })
  }

  for (const start of starts) {
    Object.assign(world, start, { earlier: [...start.earlier] })
    add(model.pack(), -1)
  }
  for (let index = 0; index < states.length; index++) {
    let wrong = ''
    model.successors(states[index]!, (move) => {
      moves.add(move)
      const isWrong = fault(world)
      if (isWrong) wrong = `${move.padEnd(50)} ${describe(world)} | ${isWrong}`
      else add(model.pack(), index)
      return wrong !== ''
    })
    if (wrong) return { states: states.length, moves, counterexample: [...wayTo(index), wrong] }
  }
  return { states: states.length, moves }
}

/** @module explore: walks every state that can be reached, breadth first, and tells of the first wrong one by the shortest way to it. */
import { lockModel } from './moves.ts'
import { blocksOf, cfg, cfgAt, committedCfgs, firstActorSlot, referenced } from './world.ts'
import type { Packed } from './moves.ts'
import type { Rules } from './rules.ts'
import type { Kind, World } from './world.ts'

export type Start = Pick<World, 'blocks' | 'earlier' | 'leftover'>

export interface Outcome {
  states: number
  /** Every move that was made. */
  moves: Set<string>
  /** The way to a wrong state, and what is wrong. */
  counterexample?: string[]
}

const hash = (words: Packed, offset: number, width: number): number => {
  let sum = 0
  for (let i = 0; i < width; i++) {
    sum = Math.imul(sum ^ words[offset + i]!, 0x9e3779b1)
    sum ^= sum >>> 15
  }
  sum = Math.imul(sum, 0x85ebca6b)
  return (sum ^ (sum >>> 13)) >>> 0
}

const twiceAsLong = (old: Packed): Packed => {
  const longer = new Int32Array(old.length * 2)
  longer.set(old)
  return longer
}

/** Packed states in the order that they were added, each once, with the one that it was reached from. */
const stateList = (width: number) => {
  let words: Packed = new Int32Array(1 << 12)
  let parents: Packed = new Int32Array(1 << 12)
  let table = new Int32Array(1 << 12).fill(-1)
  let count = 0

  const isAt = (index: number, from: Packed, offset: number): boolean => {
    for (let i = 0; i < width; i++) if (words[index * width + i] !== from[offset + i]) return false
    return true
  }
  const slotOf = (from: Packed, offset: number): number => {
    const mask = table.length - 1
    let slot = hash(from, offset, width) & mask
    while (table[slot]! >= 0 && !isAt(table[slot]!, from, offset)) slot = (slot + 1) & mask
    return slot
  }
  const grow = (): void => {
    words = twiceAsLong(words)
    parents = twiceAsLong(parents)
    table = new Int32Array(words.length).fill(-1)
    for (let index = 0; index < count; index++) table[slotOf(words, index * width)] = index
  }
  const add = (state: Packed, parent: number): void => {
    if ((count + 1) * width > words.length) grow()
    const slot = slotOf(state, 0)
    if (table[slot]! >= 0) return
    table[slot] = count
    words.set(state, count * width)
    parents[count++] = parent
  }
  return { add, count: () => count, words: () => words, parent: (index: number) => parents[index]! }
}

const fault = (w: World): string =>
  w.fault || (referenced(w, committedCfgs(w)) & ~w.blocks ? 'a committed backup misses a block' : '')

const describe = (w: World): string => {
  const cfgNames = ['', 'mark', 'committed']
  const cfgs = [0, 1, 2, ...w.actors.map((_, i) => firstActorSlot + i)]
    .filter((slot) => cfgAt(w, slot) !== cfg.none)
    .map(
      (slot) =>
        `${slot < 2 ? `earlier ${slot} of blocks ${blocksOf(w, slot).toString(2)}` : (w.actors[slot - firstActorSlot]?.kind ?? 'leftover')} ${cfgNames[cfgAt(w, slot)]}`,
    )
  const locks = w.actors
    .filter((me) => me.lock)
    .map(
      (me) =>
        `${me.kind} ${['', 'waiting', 'acquired'][me.lock]}, ${['≤ 100 s', '150 s', 'expired'][me.age]}`,
    )
  return `blocks ${w.blocks.toString(2).padStart(2, '0')} | cfgs: ${cfgs.join('; ')} | locks: ${locks.join('; ')}`
}

/** Explores all interleavings of these actors from all these starts. */
export const explore = (kinds: readonly Kind[], starts: readonly Start[], rules: Rules): Outcome => {
  const model = lockModel(kinds, rules)
  const { world } = model
  const states = stateList(kinds.length)
  const moves = new Set<string>()
  const packed = new Int32Array(kinds.length)

  const wayTo = (last: number): string[] => {
    const path: number[] = []
    for (let index = last; index >= 0; index = states.parent(index)) path.unshift(index)
    const goal = new Int32Array(kinds.length)
    return path.map((to, i) => {
      goal.set(states.words().subarray(to * kinds.length, (to + 1) * kinds.length))
      let line = 'start'
      model.successors(states.words(), (path[i - 1] ?? to) * kinds.length, (move) => {
        model.pack(packed)
        const isThis = i > 0 && packed.every((word, j) => word === goal[j])
        if (isThis) line = move
        return isThis
      })
      model.unpack(goal, 0)
      return `${line.padEnd(50)} ${describe(world)}`
    })
  }

  for (const start of starts) {
    Object.assign(world, start, { earlier: [...start.earlier] })
    model.pack(packed)
    states.add(packed, -1)
  }
  for (let index = 0; index < states.count(); index++) {
    let wrong = ''
    model.successors(states.words(), index * kinds.length, (move) => {
      moves.add(move)
      const isWrong = fault(world)
      if (isWrong) wrong = `${move.padEnd(50)} ${describe(world)} | ${isWrong}`
      model.pack(packed)
      if (!isWrong) states.add(packed, index)
      return isWrong !== ''
    })
    if (wrong) return { states: states.count(), moves, counterexample: [...wayTo(index), wrong] }
  }
  return { states: states.count(), moves }
}

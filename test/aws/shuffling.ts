/**
 * @module shuffling: has what happens come one to three times, in any order, some of it later: by a seed. What is left out happens again by
 * itself (local-aws.ts); what is repeated later is kept here.
 */
import { randomFrom } from '#lib/object-store/seeded-random.ts'
import type { Happening, LocalAws } from './local-aws.ts'

/** Of what one invocation is woken by. */
const mostAtOnce: Record<Happening, number> = { ticks: 100, events: 1000, reports: 10, worker: 1 }

const heldBack = 0.3
const repeatedLater = 0.5
const mostRepeated = 2

export interface Shuffling {
  arrange: LocalAws['arrange']
  /** Whether all repetitions were handed out. */
  isOver(): boolean
  counts: { handed: number; heldBack: number; repeated: number }
}

const shuffled = <T>(items: readonly T[], random: () => number): T[] =>
  items
    .map((item) => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)

export const shuffling = (seed: number): Shuffling => {
  const random = randomFrom(seed)
  const repetitions = new Map<Happening, unknown[]>()
  const counts = { handed: 0, heldBack: 0, repeated: 0 }
  const arrange = <T>(happened: T[], what: Happening): T[] => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of one kind of happening all are alike
    const waiting = (repetitions.get(what) ?? []) as T[]
    const now: T[] = []
    const later: T[] = []
    for (const each of happened) {
      if (random() < heldBack) {
        counts.heldBack++
        continue
      }
      now.push(each)
      for (let left = Math.floor(random() * (mostRepeated + 1)); left > 0; left--) {
        counts.repeated++
        waiting.push(each)
      }
    }
    for (const each of waiting) (random() < repeatedLater ? later : now).push(each)
    const order = shuffled(now, random)
    repetitions.set(what, [...later, ...order.splice(mostAtOnce[what])])
    counts.handed += order.length
    return order
  }
  return { arrange, isOver: () => [...repetitions.values()].every(({ length }) => length === 0), counts }
}

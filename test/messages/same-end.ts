/**
 * @module same-end: what must be so at the end, whatever happened to the messages.
 */
import { expect } from 'vitest'
import { runMessages, type Ending } from './message-world.ts'

export const problemsIn = ({ operations, completed, cancelled }: Ending): string[] =>
  operations.flatMap(({ id, state, failure }) => {
    const times = completed.get(id) ?? 0
    const expected = times === 1 ? 'succeeded' : 'cancelled'
    const isFine = times <= 1 && state === expected && (state === 'succeeded' || cancelled.has(id))
    return isFine ? [] : [`${id}: ${state} ${failure?.code ?? ''}, done ${times} times`]
  })

/** Each seed is another order of faults. */
export const expectSameEnd = async (firstSeed: number, lastSeed: number): Promise<void> => {
  const total = { lost: 0, doubled: 0, delayed: 0, restarts: 0 }
  for (let seed = firstSeed; seed <= lastSeed; seed++) {
    const ending = await runMessages(seed, { lost: 0.2, doubled: 0.2, delayed: 0.3 })
    expect([seed, problemsIn(ending)]).toEqual([seed, []])
    for (const fault of ['lost', 'doubled', 'delayed', 'restarts'] as const)
      total[fault] += ending.counts[fault]
  }
  console.log(`seeds ${firstSeed} to ${lastSeed}:`, total)
}

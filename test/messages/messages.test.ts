import { describe, expect, it } from 'vitest'
import { runMessages } from './message-world.ts'
import { expectSameEnd, problemsIn } from './same-end.ts'

describe('messages between control plane and worker', () => {
  it('arrive: every operation is done once, or cancelled', async () => {
    const ending = await runMessages(1, { lost: 0, doubled: 0, delayed: 0 })
    expect(ending.operations).toHaveLength(10)
    expect(problemsIn(ending)).toEqual([])
  })

  it('that are lost, doubled, delayed and reordered come to the same end', () => expectSameEnd(1, 40))
})

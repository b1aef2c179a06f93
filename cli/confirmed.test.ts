import { describe, expect, it } from 'vitest'
import { requireAnswer, requireYes } from './confirmed.ts'

const answering = (isYes: boolean) => {
  const asked: string[] = []
  return {
    asked,
    signal: new AbortController().signal,
    ask: async (question: string) => {
      asked.push(question)
      return isYes
    },
  }
}
const nobody = { ask: undefined, signal: new AbortController().signal }

describe('what throws data away', () => {
  it('goes on after a yes', async () => {
    const session = answering(true)
    requireAnswer(session, {}, 'deleting volume web')
    await requireYes(session, {}, 'delete volume web?')
    expect(session.asked).toEqual(['delete volume web?'])
  })

  it('does not ask where --yes says it', async () => {
    const session = answering(false)
    await requireYes(session, { yes: true }, 'delete volume web?')
    expect(session.asked).toEqual([])
  })

  it('stops after a no', async () => {
    await expect(requireYes(answering(false), {}, 'delete?')).rejects.toMatchObject({
      code: 'not-confirmed',
    })
  })

  it('wants --yes where nobody can be asked, before anything is done', async () => {
    expect(() => requireAnswer(nobody, {}, 'deleting volume web')).toThrow('nobody is there to ask')
    expect(() => requireAnswer(nobody, { yes: true }, 'deleting volume web')).not.toThrow()
    await expect(requireYes(nobody, {}, 'delete?')).rejects.toMatchObject({ code: 'not-confirmed' })
  })
})

import type { PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { describe, expect, it } from 'vitest'
import { askForLook } from './eventbridge-looks.ts'
import { targetToLookAt } from './object-event.ts'

/** A bus that takes each event, or says why not. */
const bus = (answer: object = {}) => {
  const sent: unknown[] = []
  const send = async ({ input }: PutEventsCommand) => {
    for (const { Source, DetailType, Detail = '' } of input.Entries ?? [])
      sent.push({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) })
    return { Entries: [answer] }
  }
  return { sent, ask: askForLook({ client: { send } as never }, { stack: 'drover' }) }
}

describe('a look that is asked for', () => {
  it('is known by who takes it, and whether somebody waits for it', async () => {
    const { sent, ask } = bus()
    await ask('nas')
    await ask('nas', { byHand: true })
    expect(sent[0]).toMatchObject({ detail: { stack: 'drover', target: 'nas' } })
    expect(sent.map(targetToLookAt)).toMatchObject([
      { target: 'nas', byHand: false },
      { target: 'nas', byHand: true },
    ])
  })

  it('is refused where the bus does not take it', async () => {
    const { ask } = bus({ ErrorCode: 'ThrottlingException', ErrorMessage: 'slow down' })
    await expect(ask('nas')).rejects.toMatchObject({
      code: 'not-asked',
      message: expect.stringContaining('ThrottlingException: slow down'),
    })
  })
})

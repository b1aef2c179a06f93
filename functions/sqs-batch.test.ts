import { describe, expect, it } from 'vitest'
import { silentLog } from '#lib/base/log.ts'
import { failing, sqsEvent } from '#test/control-plane-on-memory.ts'
import { SqsBatch, takeBatch } from './sqs-batch.ts'

const batch = (...records: [group: string | undefined, body: string][]) => {
  const all = records.map(([group, body]) => sqsEvent(group, body).Records[0])
  return SqsBatch.parse({ Records: all.map((record, index) => ({ ...record, messageId: `m-${index}` })) })
}

describe('a batch of messages', () => {
  const run = async (event: SqsBatch) => {
    const taken: unknown[] = []
    const response = await takeBatch(silentLog, async (message) => {
      if (message === 'bad') throw new Error('not now')
      taken.push(message)
    })(event)
    return { taken, response }
  }

  it('is taken in order, each body as JSON or as the text that it is', async () => {
    const event = batch(['a', '{"one":1}'], ['a', 'no JSON'], ['a', '3'])
    expect(await run(event)).toEqual({ taken: [{ one: 1 }, 'no JSON', 3], response: failing() })
  })

  it('keeps the order of a group behind one that failed, and no other group', async () => {
    const event = batch(['a', '"bad"'], ['b', '1'], ['a', '2'], ['b', '3'])
    expect(await run(event)).toEqual({ taken: [1, 3], response: failing('m-0', 'm-2') })
  })

  it('without groups has no order to keep', async () => {
    const event = batch([undefined, '"bad"'], [undefined, '1'])
    expect(await run(event)).toEqual({ taken: [1], response: failing('m-0') })
  })
})

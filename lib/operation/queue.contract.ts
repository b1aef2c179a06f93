/**
 * @module queue.contract: what every queue does. Each adapter's test runs it.
 */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Clock } from '#lib/base/clock.ts'
import { mostTries, type Queue, type QueueMessage } from './queue.ts'

export interface QueueUnderTest {
  /** An empty one, on this clock. */
  open(clock: Clock): Promise<Queue>
}

/** Passes only when somebody sleeps, or is told to. */
export const testClock = (): Clock & { pass(ms: number): void } => {
  let nowMs = Date.parse('2026-01-01T00:00:00Z')
  return {
    now: () => new Date(nowMs),
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      nowMs += ms
    },
    pass: (ms) => {
      nowMs += ms
    },
  }
}

const message = (body: string, group = 'node', deduplicationId = body): QueueMessage => ({
  body,
  group,
  deduplicationId,
})

const minuteMs = 60_000

export const queueContract = (name: string, { open }: QueueUnderTest): void => {
  describe(`${name} as a queue`, () => {
    let clock: ReturnType<typeof testClock>
    let queue: Queue
    beforeEach(async () => {
      clock = testClock()
      queue = await open(clock)
    })

    const send = async (...messages: QueueMessage[]) => {
      for (const each of messages) await queue.send(each)
    }
    /** All that come within a time. */
    const drain = async (waitMs = 1000): Promise<string[]> => {
      const bodies: string[] = []
      const take = async ({ body }: QueueMessage) => {
        bodies.push(body)
      }
      while ((await queue.receive({ waitMs }, take)) > 0);
      return bodies
    }

    it('gives what was sent, once taken no more', async () => {
      await send(message('one'))
      expect(await drain()).toEqual(['one'])
      expect(await drain()).toEqual([])
    })

    it('keeps the order of a group', async () => {
      await send(...['1', '2', '3', '4'].map((body) => message(body)))
      expect(await drain()).toEqual(['1', '2', '3', '4'])
    })

    it('gives the next of a group only when the one before was taken', async () => {
      await send(message('first'), message('second'), message('other', 'group'))
      const seen: string[] = []
      await queue.receive({ waitMs: 0 }, async ({ body }) => {
        seen.push(body)
        if (body === 'first') throw new Error('not now')
      })
      expect(seen.toSorted()).toEqual(['first', 'other'])
      expect(await drain(minuteMs)).toEqual(['first', 'second'])
    })

    it('gives again what was not taken, and puts aside what never is', async () => {
      await send(message('poison'), message('after'))
      const seen: string[] = []
      const take = async ({ body }: QueueMessage) => {
        seen.push(body)
        if (body === 'poison') throw new Error('poison')
      }
      while ((await queue.receive({ waitMs: 5 * minuteMs }, take)) > 0);
      expect(seen).toEqual([...Array<string>(mostTries).fill('poison'), 'after'])
    })

    it('gives again what a dead receiver had', async () => {
      await send(message('one'))
      const dead = queue.receive({ waitMs: 0 }, () => new Promise(() => {}))
      void dead
      expect(await drain(1000)).toEqual([])
      expect(await drain(minuteMs)).toEqual(['one'])
    })

    it('swallows the same id for five minutes, taken or not', async () => {
      await send(message('one', 'node', 'id'), message('two', 'node', 'id'))
      expect(await drain()).toEqual(['one'])
      await send(message('three', 'node', 'id'))
      expect(await drain()).toEqual([])
      clock.pass(6 * minuteMs)
      await send(message('four', 'node', 'id'))
      expect(await drain()).toEqual(['four'])
    })

    it('waits for a message, no longer than it was told, and not when the signal says so', async () => {
      const before = clock.now().getTime()
      expect(await queue.receive({ waitMs: 5000 }, async () => {})).toBe(0)
      expect(clock.now().getTime() - before).toBeGreaterThanOrEqual(5000)
      const signal = AbortSignal.abort()
      expect(await queue.receive({ waitMs: minuteMs, signal }, async () => {})).toBe(0)
    })

    it('refuses a message that is too large', async () => {
      await expect(queue.send(message('x'.repeat(256 * 1024 + 1)))).rejects.toMatchObject({
        code: 'message-too-large',
      })
      await send(message('x'.repeat(256 * 1024)))
      expect(await drain()).toHaveLength(1)
    })
  })
}

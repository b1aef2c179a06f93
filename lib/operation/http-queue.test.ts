import { describe, expect, it } from 'vitest'
import { systemClock, type Clock } from '#lib/base/clock.ts'
import { silentLog } from '#lib/base/log.ts'
import { httpQueue, longestPollMs, type LendingService, type SettledMessages } from './http-queue.ts'
import { leasedQueue } from './leased-queue.ts'
import { lendMessages } from './lend-messages.ts'
import { memoryLeases } from './memory-leases.ts'
import type { MessageLeases } from './message-leases.ts'
import { queueContract, testClock } from './queue.contract.ts'
import { sqliteQueues } from './sqlite-leases.ts'

const serviceOver = (leases: MessageLeases, clock: Clock): LendingService => ({
  receive: lendMessages({ leases, clock }),
  settle: async ({ taken, notTaken }) => {
    for (const lease of taken) leases.settle(lease)
    for (const lease of notTaken) leases.giveBack(lease)
  },
})

const leasesOn: Record<string, (clock: Clock) => MessageLeases> = {
  memory: memoryLeases,
  sqlite: (clock) => sqliteQueues(':memory:', clock).leases('node-1'),
}

for (const [name, leasesWith] of Object.entries(leasesOn))
  queueContract(`http over ${name}`, {
    open: async (clock) => {
      const leases = leasesWith(clock)
      const { send } = leasedQueue({ leases, clock, log: silentLog })
      return { send, ...httpQueue({ service: serviceOver(leases, clock), clock, log: silentLog }) }
    },
  })

describe('a queue over long polls', () => {
  const message = { body: '{}', group: 'node', deduplicationId: 'id' }

  it('waits longer than one poll may by asking again', async () => {
    const clock = testClock()
    const polls: number[] = []
    const service: LendingService = {
      receive: async (waitMs) => {
        polls.push(waitMs)
        await clock.sleep(waitMs)
        return []
      },
      settle: async () => {},
    }
    expect(
      await httpQueue({ service, clock, log: silentLog }).receive({ waitMs: 50_000 }, async () => {}),
    ).toBe(0)
    expect(polls).toEqual([longestPollMs, longestPollMs, 10_000])
  })

  it('settles all that came with one call: what was taken, and what was not', async () => {
    const calls: SettledMessages[] = []
    const lent = ['a', 'b', 'c'].map((lease) => ({ message: { ...message, group: lease }, lease }))
    const service: LendingService = {
      receive: async () => lent,
      settle: async (settled) => {
        calls.push(settled)
      },
    }
    const queue = httpQueue({ service, clock: testClock(), log: silentLog })
    await queue.receive({ waitMs: 0 }, async ({ group }) => {
      if (group === 'b') throw new Error('not now')
    })
    expect(calls).toEqual([{ taken: ['a', 'c'], notTaken: ['b'] }])
  })

  it('says so when the service does not answer, but not when it was told to stop', async () => {
    const failing = (error: Error): LendingService => ({
      receive: async () => {
        throw error
      },
      settle: async () => {},
    })
    const stopping = new AbortController()
    const receive = (service: LendingService) =>
      httpQueue({ service, clock: testClock(), log: silentLog }).receive(
        { waitMs: 1000, signal: stopping.signal },
        async () => {},
      )
    await expect(receive(failing(new Error('refused')))).rejects.toThrow('refused')
    const stopped = receive({
      ...failing(new Error('unused')),
      receive: async (_, signal) => {
        stopping.abort(new Error('stopping'))
        signal?.throwIfAborted()
        return []
      },
    })
    expect(await stopped).toBe(0)
  })

  it('lends nothing to one who has gone while it waited', async () => {
    const leases = memoryLeases(systemClock)
    const gone = new AbortController()
    const waiting = lendMessages({ leases, clock: systemClock }, { pollMs: 1 })(60_000, gone.signal)
    gone.abort()
    leases.add(message)
    expect(await waiting).toEqual([])
    expect(leases.lend(1)).toHaveLength(1)
  })
})

import { describe, expect, it } from 'vitest'
import { silentLog } from '#lib/base/log.ts'
import { systemClock } from '#lib/base/clock.ts'
import { memoryLeases } from '#lib/operation/memory-leases.ts'
import type { MessageLeases } from '#lib/operation/message-leases.ts'
import { startPump } from './pump.ts'

const bodyOf = (event: unknown): string => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the shape that is tested
  const { Records } = event as { Records: { body: string; attributes: { MessageGroupId: string } }[] }
  return `${Records[0]?.attributes.MessageGroupId} ${Records[0]?.body}`
}

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await systemClock.sleep(5)
}

const setUp = () => {
  const leases = memoryLeases(systemClock)
  const send = (group: string, body: string) =>
    leases.add({ group, body, deduplicationId: `${group}.${body}` })
  return { leases, send, deps: { leases, clock: systemClock, log: silentLog } }
}

describe('pump', () => {
  it('hands each message over as a batch of one, and it is gone', async () => {
    const { leases, send, deps } = setUp()
    send('a', '1')
    send('b', '2')
    const seen: string[] = []
    const pump = startPump({ ...deps, handler: async (event) => seen.push(bodyOf(event)) }, 2)
    await until(() => seen.length === 2)
    await pump.stop()
    expect(seen.toSorted()).toEqual(['a 1', 'b 2'])
    expect(leases.lend(10)).toEqual([])
  })

  it.each<[string, () => Promise<unknown>]>([
    ['throws', () => Promise.reject(new Error('no'))],
    ['names it as failed', async () => ({ batchItemFailures: [{ itemIdentifier: 'x' }] })],
  ])('lets it come again when the handler %s', async (_, answer) => {
    const { send, deps } = setUp()
    send('a', '1')
    let tries = 0
    const handler = async () => {
      tries++
      return tries === 1 ? answer() : { batchItemFailures: [] }
    }
    const pump = startPump({ ...deps, handler }, 2)
    await until(() => tries === 2)
    await pump.stop()
  })

  it('goes on when the queue fails for a while', async () => {
    const { leases, send, deps } = setUp()
    send('a', '1')
    send('b', '1')
    const faults = new Set(['lend', 'giveBack'])
    const failOnce = (what: string): void => {
      if (faults.delete(what)) throw new Error('the disk is full')
    }
    const failing: MessageLeases = {
      ...leases,
      lend: (most) => {
        failOnce('lend')
        return leases.lend(most)
      },
      giveBack: (lease) => {
        failOnce('giveBack')
        leases.giveBack(lease)
      },
    }
    const clock = { ...systemClock, sleep: (_: number, signal?: AbortSignal) => systemClock.sleep(1, signal) }
    const seen: string[] = []
    const handler = async (event: unknown) => {
      seen.push(bodyOf(event))
      if (bodyOf(event) === 'a 1') throw new Error('no')
    }
    const pump = startPump({ ...deps, clock, leases: failing, handler }, 2)
    await until(() => seen.length === 2 && faults.size === 0)
    send('c', '1')
    await until(() => seen.includes('c 1'))
    await pump.stop()
  })

  it('goes on with others while one takes long, and waits for it when it is stopped', async () => {
    const { send, deps } = setUp()
    send('slow', '1')
    send('a', '1')
    send('a', '2')
    const seen: string[] = []
    let finish = () => {}
    const long = new Promise<void>((resolve) => (finish = resolve))
    const handler = async (event: unknown) => {
      const body = bodyOf(event)
      if (body === 'slow 1') await long
      seen.push(body)
    }
    const pump = startPump({ ...deps, handler }, 2)
    await until(() => seen.length === 2)
    expect(seen).toEqual(['a 1', 'a 2'])
    const stopped = pump.stop()
    finish()
    await stopped
    expect(seen).toEqual(['a 1', 'a 2', 'slow 1'])
  })
})

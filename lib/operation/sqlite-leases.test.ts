import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { silentLog } from '#lib/base/log.ts'
import { leasedQueue } from './leased-queue.ts'
import { queueContract, testClock } from './queue.contract.ts'
import { sqliteQueues } from './sqlite-leases.ts'

queueContract('sqlite', {
  open: async (clock) => {
    const leases = sqliteQueues(':memory:', clock).leases('node-1')
    return leasedQueue({ leases, clock, log: silentLog })
  },
})

describe('queues in one SQLite file', () => {
  const message = { body: '{}', group: 'web', deduplicationId: 'id' }

  it('do not see each other', () => {
    const queues = sqliteQueues(':memory:', testClock())
    queues.leases('one').add(message)
    expect(queues.leases('two').lend(10)).toEqual([])
    queues.leases('two').add(message)
    queues.removeQueue('one')
    expect(queues.leases('one').lend(10)).toEqual([])
    expect(queues.leases('two').lend(10)).toHaveLength(1)
  })

  it('keep messages, leases and what they have seen over a restart', () => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-queue-'))
    const clock = testClock()
    const path = join(folder, 'queues.db')
    const before = sqliteQueues(path, clock)
    before.leases('one').add(message)
    const [lent] = before.leases('one').lend(1)
    before.close()
    const after = sqliteQueues(path, clock)
    after.leases('one').add(message)
    expect(after.leases('one').lend(1)).toEqual([])
    after.leases('one').settle(lent?.lease ?? '')
    clock.pass(60_000)
    expect(after.leases('one').lend(1)).toEqual([])
    after.close()
    rmSync(folder, { recursive: true })
  })

  it('tell what was put aside', () => {
    const clock = testClock()
    const leases = sqliteQueues(':memory:', clock).leases('one')
    leases.add(message)
    for (let tries = 1; tries <= 6; tries++) {
      for (const { lease } of leases.lend(1)) leases.giveBack(lease)
      clock.pass(60_000)
    }
    expect(leases.dead()).toEqual([message])
  })

  it('leave a lease alone that has ended and was given to another', () => {
    const clock = testClock()
    const leases = sqliteQueues(':memory:', clock).leases('one')
    leases.add(message)
    const [first] = leases.lend(1)
    clock.pass(60_000)
    const [second] = leases.lend(1)
    leases.settle(first?.lease ?? '')
    leases.settle(second?.lease ?? '')
    clock.pass(60_000)
    expect(leases.lend(1)).toEqual([])
  })
})

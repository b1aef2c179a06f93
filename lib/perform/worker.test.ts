import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CodedError } from '#lib/base/errors.ts'
import { systemClock } from '#lib/base/clock.ts'
import { silentLog } from '#lib/base/log.ts'
import type { PerformCommand } from '#lib/operation/command.ts'
import { openJournal, type Journal } from '#lib/operation/journal.ts'
import { leasedQueue } from '#lib/operation/leased-queue.ts'
import { memoryLeases } from '#lib/operation/memory-leases.ts'
import { operationKinds, type OperationKind } from '#lib/operation/operation-kinds.ts'
import type { Queue } from '#lib/operation/queue.ts'
import type { Report } from '#lib/operation/report.ts'
import type { Performance, Performer, Performers } from './performer.ts'
import { worker, type Permission, type WorkerDeps, type WorkerSettings } from './worker.ts'

const now = new Date('2026-01-01T00:00:00Z')
const later = '2026-01-01T01:00:00.000Z'

/** Real turns of the loop, but nobody waits for seconds. */
const quickClock = {
  now: () => now,
  sleep: (_: number, signal?: AbortSignal) => systemClock.sleep(1, signal),
}

const parameters: Partial<Record<OperationKind, PerformCommand['parameters']>> = {
  'create-backup': {
    target: 'nas',
    backupVolume: 'web',
    backup: 'backup-1',
    lock: 'lock-1',
    labels: {},
    isFull: false,
    onlyIfWritten: false,
  },
  'attach-volume': { isMaintenance: false },
}

describe('a worker', () => {
  let queue: Queue
  let journal: Journal
  let reports: Report[]
  let performed: string[]
  let permission: (command: PerformCommand) => Promise<Permission>
  let behave: (command: PerformCommand, performance: Performance) => Promise<void>
  let stop: () => Promise<void>

  beforeEach(() => {
    queue = leasedQueue({ leases: memoryLeases(quickClock), clock: quickClock, log: silentLog })
    journal = openJournal({ path: ':memory:', node: 'node-1', now: () => now })
    reports = []
    performed = []
    permission = async () => ({ kind: 'go' })
    behave = async () => {}
    stop = async () => {}
  })
  afterEach(() => stop())

  const performer: Performer<OperationKind> = async (command, performance) => {
    performed.push(`${command.operationId}${performance.isAgain ? ' again' : ''}`)
    await behave(command, performance)
    return { by: 'test' }
  }
  const start = (more: Partial<WorkerDeps> = {}, settings: WorkerSettings = {}) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each kind has this performer
    const performers = Object.fromEntries(operationKinds.map((kind) => [kind, performer])) as Performers
    const running = worker(
      {
        queue,
        journal,
        performers,
        mayBegin: (command) => permission(command),
        sendReports: async (some) => {
          reports.push(...some)
        },
        clock: quickClock,
        serverNow: () => now,
        log: silentLog,
        ...more,
      },
      settings,
    ).start()
    stop = running.stop
  }
  const send = (operationId: string, kind: OperationKind, volume = 'web', more: object = {}) =>
    queue.send({
      group: 'node-1',
      deduplicationId: `${operationId} ${JSON.stringify(more)}`,
      body: JSON.stringify({
        version: 1,
        command: 'perform',
        operationId,
        attempt: 1,
        kind,
        volume,
        generation: 1,
        parameters: parameters[kind] ?? {},
        expiresAt: later,
        ...more,
      }),
    })
  const sendCancel = (operationId: string) =>
    queue.send({
      group: 'node-1',
      deduplicationId: `${operationId}.cancel`,
      body: JSON.stringify({ version: 1, command: 'cancel', operationId, expiresAt: later }),
    })
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await systemClock.sleep(1)
  }
  const endOf = (operationId: string) =>
    reports.find(
      (report) => report.operationId === operationId && !/accepted|progress/.test(report.event.kind),
    )?.event
  const ended = (...ids: string[]) => until(() => ids.every((id) => endOf(id) !== undefined))

  it('performs what it is sent, once, and reports it', async () => {
    start()
    await send('a', 'attach-volume')
    await send('a', 'attach-volume', 'web', { attempt: 2 })
    await ended('a')
    expect(performed).toEqual(['a'])
    expect(endOf('a')).toEqual({ kind: 'succeeded', result: { by: 'test' } })
  })

  it('ends what it could not write down, once it can', async () => {
    let faults = 2
    const full = (): void => {
      if (faults-- > 0) throw new Error('the disk is full')
    }
    start({
      journal: {
        ...journal,
        begin: (id) => {
          if (faults === 2) full()
          journal.begin(id)
        },
        end: (id, event) => {
          full()
          journal.end(id, event)
        },
      },
    })
    await send('a', 'attach-volume')
    await ended('a')
    expect(performed).toEqual(['a', 'a again'])
    expect(endOf('a')).toEqual({ kind: 'succeeded', result: { by: 'test' } })
  })

  it('lets no backup make an attach wait, and no other volume', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<undefined>()
    behave = async ({ operationId }) => {
      if (operationId === 'long') await held
    }
    start()
    await send('long', 'create-backup')
    await send('next', 'create-backup')
    await send('attach', 'attach-volume')
    await send('other', 'create-backup', 'db')
    await ended('attach', 'other')
    expect(performed).not.toContain('next')
    release(undefined)
    await ended('long', 'next')
  })

  it('cancels what runs, what waits, and what comes after its cancel', async () => {
    behave = (command, { signal }) =>
      command.operationId === 'runs'
        ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        : Promise.resolve()
    start()
    await sendCancel('early')
    await send('runs', 'create-backup')
    await send('waits', 'create-backup')
    await until(() => performed.includes('runs'))
    await sendCancel('waits')
    await until(() => journal.isCancelled('waits'))
    await sendCancel('runs')
    await send('early', 'create-backup')
    await ended('runs', 'waits', 'early')
    for (const id of ['runs', 'waits', 'early']) expect([id, endOf(id)]).toEqual([id, { kind: 'cancelled' }])
    expect(performed).toEqual(['runs'])
  })

  it('has what was cancelled after it had begun performed once more, its signal aborted, to be taken back', async () => {
    const seen: [string, boolean][] = []
    behave = async ({ operationId }, { signal, isAgain }) => {
      seen.push([operationId, signal.aborted])
      if (!isAgain)
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      if (operationId !== 'finishes') signal.throwIfAborted()
    }
    start()
    for (const id of ['here', 'there', 'finishes']) await send(id, 'create-backup', id)
    await until(() => performed.length === 3)
    await stop()
    journal.cancel('here', later)
    permission = async () => ({ kind: 'cancelled' })
    start()
    await ended('here', 'there', 'finishes')
    expect(seen.slice(3).toSorted(([a], [b]) => (a < b ? -1 : 1))).toEqual([
      ['finishes', true],
      ['here', true],
      ['there', true],
    ])
    expect(['here', 'there'].map(endOf)).toEqual([{ kind: 'cancelled' }, { kind: 'cancelled' }])
    expect(endOf('finishes')).toMatchObject({ kind: 'succeeded' })
  })

  it('begins nothing without the answer of the control plane, or against it', async () => {
    const failure = { code: 'role-refused', message: 'no role', hint: 'trust it' }
    let asked = 0
    permission = async ({ operationId }) => {
      if (++asked < 3) throw new Error('not reachable')
      if (operationId === 'moved') return { kind: 'not-current', reason: 'its volume moved' }
      if (operationId === 'refused') return { kind: 'refused', failure }
      return operationId === 'unwanted' ? { kind: 'cancelled' } : { kind: 'go' }
    }
    start()
    await send('wanted', 'attach-volume')
    await send('moved', 'attach-volume')
    await send('unwanted', 'attach-volume')
    await send('refused', 'attach-volume')
    await ended('wanted', 'moved', 'unwanted', 'refused')
    expect(performed).toEqual(['wanted'])
    expect(endOf('moved')).toMatchObject({ failure: { code: 'not-current', message: 'its volume moved' } })
    expect(endOf('unwanted')).toEqual({ kind: 'cancelled' })
    expect(endOf('refused')).toEqual({ kind: 'failed', failure })
  })

  it('waits for credentials until it is too late to begin, then fails with why there are none', async () => {
    class Short extends CodedError<string> {}
    const short = new Short('sts-unavailable', 'too many ask', { hint: 'wait' })
    let asked = 0
    permission = async ({ operationId }) => {
      if (operationId === 'patient' && ++asked > 3) return { kind: 'go' }
      throw short
    }
    let serverNow = now
    start({ serverNow: () => serverNow })
    await send('patient', 'attach-volume')
    await ended('patient')
    await send('late', 'attach-volume')
    await until(() => journal.unfinishedIds().includes('late'))
    expect(endOf('late')).toBeUndefined()
    serverNow = new Date(Date.parse(later) + 1)
    await ended('late')
    expect(endOf('late')).toEqual({
      kind: 'failed',
      failure: { code: 'sts-unavailable', message: 'too many ask', hint: 'wait' },
    })
    expect(performed).toEqual(['patient'])
  })

  it('refuses what has expired, and what it cannot read', async () => {
    start()
    await send('late', 'attach-volume', 'web', { expiresAt: '2025-12-31T23:59:59Z' })
    await send('strange', 'attach-volume', 'web', { version: 2 })
    await queue.send({ group: 'node-1', deduplicationId: 'x', body: 'no JSON' })
    await send('good', 'attach-volume')
    await ended('late', 'strange', 'good')
    expect(endOf('late')).toMatchObject({ kind: 'refused', failure: { code: 'expired' } })
    expect(endOf('strange')).toMatchObject({ kind: 'refused', failure: { code: 'unreadable' } })
    expect(performed).toEqual(['good'])
  })

  it('reports failures with code and hint, and goes on', async () => {
    behave = async ({ operationId }) => {
      if (operationId === 'bad') throw new TypeError('oops')
    }
    start()
    await send('bad', 'create-backup')
    await send('good', 'create-backup')
    await ended('bad', 'good')
    expect(endOf('bad')).toEqual({
      kind: 'failed',
      failure: { code: 'internal', message: 'TypeError: oops' },
    })
  })

  it('leaves what is under way at a stop, and goes on with it at the next start', async () => {
    behave = (_, { signal, isAgain }) =>
      isAgain
        ? Promise.resolve()
        : new Promise((__, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    start()
    await send('long', 'create-backup')
    await send('waits', 'create-backup')
    await until(() => performed.includes('long') && journal.unfinished().length === 2)
    await stop()
    expect(endOf('long')).toBe(undefined)
    behave = async () => {}
    start()
    await ended('long', 'waits')
    expect(performed).toEqual(['long', 'long again', 'waits'])
  })

  it('sends its reports until they are taken, in order', async () => {
    let refusals = 3
    start({
      sendReports: async (some) => {
        if (refusals-- > 0) throw new Error('not reachable')
        reports.push(...some)
      },
    })
    await send('a', 'attach-volume')
    await ended('a')
    expect(reports.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  })

  it('tells beginnings with their end where requests cost, but not later than it was told', async () => {
    const batches: string[][] = []
    let passedMs = 0
    let goOn = () => {}
    behave = async ({ operationId }) => {
      if (operationId === 'op-long') await new Promise<void>((resolve) => (goOn = resolve))
    }
    start(
      {
        sendReports: async (some) => {
          reports.push(...some)
          batches.push(some.map(({ operationId, event }) => `${operationId} ${event.kind}`))
        },
        serverNow: () => new Date(now.getTime() + passedMs),
      },
      { patienceMs: () => 5000 },
    )
    await send('op-short', 'attach-volume')
    await ended('op-short')
    expect(batches).toEqual([['op-short accepted', 'op-short progress', 'op-short succeeded']])
    await send('op-long', 'attach-volume')
    await until(() => performed.includes('op-long'))
    await systemClock.sleep(20)
    expect(batches).toHaveLength(1)
    passedMs = 5000
    await until(() => batches.length === 2)
    expect(batches[1]).toEqual(['op-long accepted', 'op-long progress'])
    goOn()
    await ended('op-long')
  })
})

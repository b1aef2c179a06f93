/**
 * @module worker: takes operations on and performs them: queue → journal → lanes → performer → journal → outbox. An agent is one, and so
 * is the cloud's worker.
 *
 * - A message is deleted when its command is in the journal: it is in flight for milliseconds, however long the work.
 * - Each volume has two lanes; in each, one operation at a time, in the order in which they came.
 * - Before anything begins the control plane is asked whether it is still wanted; without its answer nothing begins.
 * - `stop` leaves what is under way for the next start, which goes on with what the journal has not ended.
 */
import type { Clock } from '#lib/base/clock.ts'
import { CodedError } from '#lib/base/errors.ts'
import type { Log } from '#lib/base/log.ts'
import { parsedJson } from '#lib/base/parsed-json.ts'
import { serial } from '#lib/base/serial.ts'
import { readCommand, type CancelCommand, type PerformCommand } from '#lib/operation/command.ts'
import type { Journal, JournalEntry } from '#lib/operation/journal.ts'
import { laneOf } from '#lib/operation/operation-kinds.ts'
import type { Failure } from '#lib/operation/operation.ts'
import type { QueueMessage, ReceiveQueue } from '#lib/operation/queue.ts'
import { isEnd, type Report } from '#lib/operation/report.ts'
import { failureOf, perform, ProcessEnding, type Performers } from './performer.ts'

/** What the control plane says of an operation that is about to begin. */
export type Permission =
  | { kind: 'go' }
  | { kind: 'cancelled' }
  /** Ended, or placed elsewhere. */
  | { kind: 'not-current'; reason: string }
  /** Wanted, and what it needs is not to be had. */
  | { kind: 'refused'; failure: Failure }

export interface WorkerDeps {
  queue: ReceiveQueue
  journal: Journal
  performers: Performers
  /** @throws when there is no answer: it is asked again. */
  mayBegin: (command: PerformCommand) => Promise<Permission>
  /** At least once each, in order. @throws when they were not taken: they are sent again. */
  sendReports: (reports: readonly Report[]) => Promise<void>
  clock: Clock
  /** By which expiry is judged: ours may be wrong. */
  serverNow: () => Date
  log: Log
}

export interface Worker {
  /** Until `stop`, which waits for what is under way to leave off. */
  start(): { stop(): Promise<void> }
}

export interface WorkerSettings {
  /**
   * How long what is no end may wait in the outbox for what comes after it: where each request costs. Asked each time; default: not at all.
   */
  patienceMs?: (() => number) | undefined
  /** How often an empty outbox is looked at, and how long a failure is waited after. Default: a second. */
  pauseMs?: number | undefined
}

class Cancelled extends Error {}

const receiveMs = 20_000
const defaultPauseMs = 1000
const progressEveryMs = 5000
const journalPauseMs = 10_000
const reportsAtOnce = 100

interface Life {
  deps: WorkerDeps
  pauseMs: number
  patienceMs: () => number
  stopping: AbortController
  running: Map<string, AbortController>
  lanes: Map<string, ReturnType<typeof serial>>
  /** What is begun and not yet left off. */
  underWay: Set<Promise<void>>
}

/** Until it succeeds, or the worker stops. */
const insistently = async <T>(
  { deps, pauseMs, stopping }: Life,
  what: string,
  work: () => Promise<T>,
): Promise<T> => {
  for (;;) {
    stopping.signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (stopping.signal.aborted) throw error
      const hint = error instanceof CodedError ? error.hint : undefined
      deps.log.warn(`${what} failed; trying again`, {
        error: String(error),
        ...(hint !== undefined && { hint }),
      })
      await deps.clock.sleep(pauseMs, stopping.signal)
    }
  }
}

/** True once in a while. */
const everySoOften = (clock: Pick<Clock, 'now'>): (() => boolean) => {
  let lastMs = Number.NEGATIVE_INFINITY
  return () => {
    const nowMs = clock.now().getTime()
    if (nowMs - lastMs < progressEveryMs) return false
    lastMs = nowMs
    return true
  }
}

const performNow = async (
  life: Life,
  { command, state, checkpoint }: JournalEntry,
  isCancelled: boolean,
): Promise<void> => {
  const { journal, performers, clock, log } = life.deps
  const { operationId, kind, volume } = command
  const controller = new AbortController()
  if (isCancelled) controller.abort(new Cancelled('cancelled'))
  life.running.set(operationId, controller)
  const isTime = everySoOften(clock)
  journal.begin(operationId)
  log.info('operation begun', { operation: operationId, kind, volume })
  let end: Parameters<Journal['end']>[1]
  try {
    const result = await perform(performers, command, {
      signal: controller.signal,
      isAgain: state === 'begun',
      checkpoint,
      writeCheckpoint: (data, append) => journal.writeCheckpoint(operationId, data, append),
      onProgress: (progress) => {
        if (isTime()) journal.report(operationId, { kind: 'progress', progress })
      },
    })
    end = { kind: 'succeeded', result }
  } catch (error) {
    const { reason } = controller.signal
    if (reason instanceof ProcessEnding) return
    log.info('operation not done', { operation: operationId, kind, volume, error: String(error) })
    end = reason instanceof Cancelled ? { kind: 'cancelled' } : { kind: 'failed', failure: failureOf(error) }
  } finally {
    life.running.delete(operationId)
  }
  journal.end(operationId, end)
}

const failureFrom = (permission: Permission): Failure | undefined => {
  if (permission.kind === 'refused') return permission.failure
  if (permission.kind === 'not-current') return { code: 'not-current', message: permission.reason }
  return undefined
}

/** What kept it from beginning until it was too late is why it failed; while there is time it is asked for again. */
const givenUp = ({ deps }: Life, { command, state }: JournalEntry, error: unknown): Permission => {
  const isLate = Date.parse(command.expiresAt) < deps.serverNow().getTime()
  const isShort = error instanceof CodedError && error.code === 'sts-unavailable'
  if (state === 'begun' || !isLate || !isShort) throw error
  return { kind: 'refused', failure: failureOf(error) }
}

/** A cancelled one that had begun before is performed once more, its signal aborted from the start: it leaves nothing behind. */
const performIfWanted = async (life: Life, entry: JournalEntry): Promise<void> => {
  const { journal, mayBegin } = life.deps
  const { operationId } = entry.command
  const hasBegun = entry.state === 'begun'
  const permission: Permission =
    journal.isCancelled(operationId) && !hasBegun
      ? { kind: 'cancelled' }
      : await insistently(life, 'asking the control plane', () =>
          mayBegin(entry.command).catch((error: unknown) => givenUp(life, entry, error)),
        )
  life.stopping.signal.throwIfAborted()
  const isCancelled = permission.kind === 'cancelled' || journal.isCancelled(operationId)
  const failure = failureFrom(permission)
  if (isCancelled && (!hasBegun || failure)) {
    journal.end(operationId, { kind: 'cancelled' })
  } else if (failure) {
    journal.end(operationId, { kind: 'failed', failure })
  } else await performNow(life, entry, isCancelled)
}

/** When the journal could not be written, as on a full disk, from what it has: left alone, the operation would never end. */
const performUntilWritten = async (life: Life, entry: JournalEntry): Promise<void> => {
  const { journal } = life.deps
  const { operationId } = entry.command
  let tries = 0
  await insistently({ ...life, pauseMs: journalPauseMs }, `operation ${operationId}`, async () => {
    const isFirst = tries++ === 0
    const current = isFirst
      ? entry
      : journal.unfinished().find(({ command }) => command.operationId === operationId)
    if (current) await performIfWanted(life, current)
  })
}

const enqueue = (life: Life, entry: JournalEntry): void => {
  const { volume, kind, operationId } = entry.command
  const key = JSON.stringify([volume, laneOf[kind]])
  const lane = life.lanes.get(key) ?? serial()
  life.lanes.set(key, lane)
  const performing = lane(() => performUntilWritten(life, entry)).catch((error: unknown) => {
    if (!life.stopping.signal.aborted)
      life.deps.log.error('operation left', { operation: operationId, error: String(error) })
  })
  life.underWay.add(performing)
  void performing.finally(() => life.underWay.delete(performing))
}

const cancel = (life: Life, { operationId, expiresAt }: CancelCommand): void => {
  life.deps.journal.cancel(operationId, expiresAt)
  life.running.get(operationId)?.abort(new Cancelled('cancelled'))
}

const accept = (life: Life, command: PerformCommand): void => {
  const { journal, serverNow } = life.deps
  const { operationId, expiresAt } = command
  const hasExpired = Date.parse(expiresAt) < serverNow().getTime()
  // One that is known is asked about: what was last said of it goes out again, however late.
  if (hasExpired && !journal.isKnown(operationId)) {
    journal.refuse(operationId, { code: 'expired', message: `it was to begin by ${expiresAt}` }, expiresAt)
  } else if (journal.accept(command) === 'new')
    enqueue(life, { command, state: 'accepted', isCancelled: false, checkpoint: undefined })
}

/** How long the id of a command that could not be read is kept. */
const keepUnreadableMs = 24 * 3600_000

const takeMessage = (life: Life, { body }: QueueMessage): void => {
  const { journal, serverNow, log } = life.deps
  const read = readCommand(parsedJson(body))
  if (read.kind === 'command') {
    if (read.command.command === 'cancel') cancel(life, read.command)
    else accept(life, read.command)
    return
  }
  log.error('command cannot be read', { operation: read.operationId, reason: read.reason })
  if (read.operationId === undefined) return
  const failure = { code: 'unreadable', message: read.reason, hint: 'update the agent' }
  const until = new Date(serverNow().getTime() + keepUnreadableMs)
  journal.refuse(read.operationId, failure, until.toISOString())
}

const receiveAll = async (life: Life): Promise<void> => {
  const { signal } = life.stopping
  const take = async (message: QueueMessage) => takeMessage(life, message)
  while (!signal.aborted)
    await insistently(life, 'receiving', () => life.deps.queue.receive({ waitMs: receiveMs, signal }, take))
}

const isTimeToSend = ({ deps, patienceMs }: Life, reports: readonly { report: Report }[]): boolean => {
  const [first] = reports
  if (!first || reports.length === reportsAtOnce) return first !== undefined
  const isOld = deps.serverNow().getTime() - Date.parse(first.report.at) >= patienceMs()
  return isOld || reports.some(({ report }) => isEnd(report))
}

const sendAll = async (life: Life): Promise<void> => {
  const { journal, sendReports, clock } = life.deps
  const { signal } = life.stopping
  while (!signal.aborted) {
    const reports = journal.outbox(reportsAtOnce)
    if (!isTimeToSend(life, reports)) await clock.sleep(life.pauseMs, signal)
    else {
      await insistently(life, 'reporting', () => sendReports(reports.map(({ report }) => report)))
      journal.sent(reports.map(({ id }) => id))
    }
  }
}

const untilStopped = (life: Life, work: Promise<void>): Promise<void> =>
  work.catch((error: unknown) => {
    if (!life.stopping.signal.aborted) throw error
  })

export const worker = (
  deps: WorkerDeps,
  { pauseMs = defaultPauseMs, patienceMs = () => 0 }: WorkerSettings = {},
): Worker => ({
  start: () => {
    const life: Life = {
      deps,
      pauseMs,
      patienceMs,
      stopping: new AbortController(),
      running: new Map(),
      lanes: new Map(),
      underWay: new Set(),
    }
    for (const entry of deps.journal.unfinished()) enqueue(life, entry)
    const loops = Promise.all([receiveAll(life), sendAll(life)].map((loop) => untilStopped(life, loop)))
    return {
      stop: async () => {
        const ending = new ProcessEnding('the worker stops')
        life.stopping.abort(ending)
        for (const controller of life.running.values()) controller.abort(ending)
        await Promise.all([loops, ...life.underWay])
      },
    }
  },
})

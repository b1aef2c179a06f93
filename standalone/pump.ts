/**
 * @module pump: takes messages from a queue of ours to a handler, as events of SQS's shape, and settles them by its answer.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import { lendMessages } from '#lib/operation/lend-messages.ts'
import type { LentMessage, MessageLeases } from '#lib/operation/message-leases.ts'
import * as z from 'zod'

export interface PumpDeps {
  leases: MessageLeases
  handler: (event: unknown) => Promise<unknown>
  clock: Clock
  log: Log
}

export interface Pump {
  /** Waits for what is being handled. */
  stop(): Promise<void>
}

const waitMs = 20_000
const failedPauseMs = 1000
const BatchAnswer = z.object({ batchItemFailures: z.array(z.unknown()) })

const handle = async ({ leases, handler, log }: PumpDeps, { message, lease }: LentMessage): Promise<void> => {
  const { body, group } = message
  const record = { messageId: randomUUID(), body, attributes: { MessageGroupId: group } }
  try {
    const answer = BatchAnswer.safeParse(await handler({ Records: [record] })).data
    if (answer && answer.batchItemFailures.length > 0) leases.giveBack(lease)
    else leases.settle(lease)
  } catch (error) {
    log.warn('event not handled; it comes again', { group, error: String(error) })
    leases.giveBack(lease)
  }
}

/** `atOnce`: how many are handled at the same time, each of another group. */
export const startPump = (deps: PumpDeps, atOnce: number): Pump => {
  const stopping = new AbortController()
  const { signal } = stopping
  const underWay = new Set<Promise<void>>()
  /** A disk that is full for a while must not end the service. */
  const failed = (error: unknown): void => deps.log.error('queue failed', { error: String(error) })
  const lend = (): Promise<LentMessage[]> =>
    lendMessages(deps)(waitMs, signal).catch(async (error: unknown) => {
      failed(error)
      await deps.clock.sleep(failedPauseMs, signal).catch(() => undefined)
      return []
    })
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      for (const lent of await lend()) {
        const handling = handle(deps, lent)
          .catch(failed)
          .finally(() => underWay.delete(handling))
        underWay.add(handling)
      }
      while (underWay.size >= atOnce) await Promise.race(underWay)
    }
    await Promise.all(underWay)
  }
  const running = run()
  return {
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}

/**
 * @module http-queue: a queue whose messages are lent by a service: each is asked for by a long poll, and settled by a second call.
 *
 * What is not settled, because either side died or the call failed, is lent again when its lease ends.
 */
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import type { LentMessage } from './message-leases.ts'
import type { QueueMessage, ReceiveQueue } from './queue.ts'

/** By lease. */
export interface SettledMessages {
  taken: string[]
  notTaken: string[]
}

/** The service: lend-messages.ts, and a message-leases.ts behind it. */
export interface LendingService {
  /** Waits at most `longestPollMs`. */
  receive(waitMs: number, signal?: AbortSignal): Promise<LentMessage[]>
  settle(settled: SettledMessages): Promise<void>
}

export interface HttpQueueDeps {
  service: LendingService
  clock: Pick<Clock, 'now'>
  log: Log
}

/** Less than proxies and load balancers allow a request: 30 s is API Gateway's limit. */
export const longestPollMs = 20_000

export const httpQueue = ({ service, clock, log }: HttpQueueDeps): ReceiveQueue => {
  const receive = async (waitMs: number, signal: AbortSignal | undefined): Promise<LentMessage[]> => {
    const untilMs = clock.now().getTime() + waitMs
    const leftMs = () => Math.max(0, untilMs - clock.now().getTime())
    const isStopped = () => signal?.aborted ?? false
    while (!isStopped()) {
      const lent = await service.receive(Math.min(leftMs(), longestPollMs), signal)
      if (lent.length > 0 || leftMs() === 0) return lent
    }
    return []
  }
  const takeAll = async (
    lent: readonly LentMessage[],
    take: (message: QueueMessage) => Promise<void>,
  ): Promise<SettledMessages> => {
    const settled: SettledMessages = { taken: [], notTaken: [] }
    await Promise.all(
      lent.map(({ message, lease }) =>
        take(message).then(
          () => settled.taken.push(lease),
          (error: unknown) => {
            log.warn('message not taken; it comes again', { group: message.group, error: String(error) })
            settled.notTaken.push(lease)
          },
        ),
      ),
    )
    return settled
  }
  return {
    receive: async ({ waitMs, signal }, take) => {
      const lent = await receive(waitMs, signal).catch((error: unknown) => {
        if (signal?.aborted) return []
        throw error
      })
      if (lent.length > 0) await service.settle(await takeAll(lent, take))
      return lent.length
    },
  }
}

/**
 * @module node-api: what the agent asks of the control plane, as its node; and the control plane's time, by which expiry is judged,
 * since the clock of this machine may be wrong.
 */
import * as z from 'zod'
import { clientCalls, path } from '#lib/api/client-calls.ts'
import { BeginAnswer, QueueAnswer, ReceiveAnswer, type Heartbeat } from '#lib/api/node-messages.ts'
import { RequestError, requests } from '#lib/api/requests.ts'
import type { Clock } from '#lib/base/clock.ts'
import type { LendingService } from '#lib/operation/http-queue.ts'
import type { Report } from '#lib/operation/report.ts'

/** All of it throws RequestError. */
export interface NodeApi extends LendingService {
  heartbeat(heartbeat: Heartbeat): Promise<void>
  begin(operationId: string): Promise<BeginAnswer>
  /** Where commands are to be had. */
  queue(): Promise<QueueAnswer>
  report(reports: readonly Report[]): Promise<void>
  serverNow: () => Date
}

export interface NodeApiSettings {
  url: string
  token: string
  fetch?: typeof globalThis.fetch | undefined
  /** Ends what is being asked. */
  signal: AbortSignal
}

/** The node was removed, or its token was. */
export const isRefused = (error: unknown): boolean =>
  error instanceof RequestError && (error.status === 401 || error.status === 403)

const Nothing = z.undefined()

export const nodeApi = (clock: Pick<Clock, 'now'>, { signal, ...settings }: NodeApiSettings): NodeApi => {
  let aheadMs = 0
  const onResponse = ({ headers }: Response): void => {
    // In whole seconds: what is cut off is half a second on average.
    const dateMs = Date.parse(headers.get('date') ?? '') + 500
    if (!Number.isNaN(dateMs)) aheadMs = dateMs - clock.now().getTime()
  }
  const { ask } = clientCalls(requests(settings))
  const common = { signal, onResponse }
  return {
    heartbeat: (heartbeat) => ask(Nothing, 'POST', '/v1/node/heartbeat', { ...common, body: heartbeat }),
    begin: (id) => ask(BeginAnswer, 'POST', path`/v1/node/operations/${id}/begin`, common),
    queue: () => ask(QueueAnswer, 'POST', '/v1/node/queue', common),
    report: (reports) => ask(Nothing, 'POST', '/v1/node/reports', { ...common, body: { reports } }),
    receive: async (waitMs, stopped = signal) => {
      const { messages } = await ask(ReceiveAnswer, 'POST', '/v1/node/commands/receive', {
        onResponse,
        signal: stopped,
        waitMs,
        body: { waitMs },
      })
      return messages.map(({ lease, ...message }) => ({ lease, message }))
    },
    settle: (settled) => ask(Nothing, 'POST', '/v1/node/commands/settle', { ...common, body: settled }),
    serverNow: () => new Date(clock.now().getTime() + aheadMs),
  }
}

/**
 * @module command-queue: where this node's commands come from, as the control plane says: from itself over HTTP, or from a queue of the
 * node's own, with credentials for that alone, asked for again before they end.
 */
import type { QueueAnswer } from '#lib/api/node-messages.ts'
import type { Clock } from '#lib/base/clock.ts'
import type { Log } from '#lib/base/log.ts'
import type { ReceiveQueue } from '#lib/operation/queue.ts'
import type { NodeApi } from './node-api.ts'

export interface CommandQueueDeps {
  api: Pick<NodeApi, 'queue' | 'serverNow'>
  /** The control plane's own. */
  overHttp: ReceiveQueue
  clock: Clock
  log: Log
  /** With the proxy's settings. */
  env: Readonly<Record<string, string | undefined>>
}

export interface CommandQueue extends ReceiveQueue {
  /** How often to tell that there is nothing to do; `undefined`: as often as anything else. */
  idleHeartbeatMs(): number | undefined
}

type SqsAnswer = Extract<QueueAnswer, { kind: 'sqs' }>

const sqsReceiver = async (
  { api, clock, log, env }: CommandQueueDeps,
  first: SqsAnswer,
): Promise<ReceiveQueue> => {
  // Loaded only where there is such a queue: the SDK takes as much memory as all else together.
  const { sqsClient } = await import('#lib/operation/sqs-client.ts')
  const { sqsQueue } = await import('#lib/operation/sqs-queue.ts')
  let given: SqsAnswer | undefined = first
  const credentials = async () => {
    const answer = given ?? (await api.queue())
    given = undefined
    if (answer.kind !== 'sqs') throw new Error('the control plane has no queue for this node any more')
    // How long they last is the server's word; when that is over, this machine's clock says, which may be wrong.
    const leftMs = Date.parse(answer.expiresAt) - api.serverNow().getTime()
    return { ...answer.credentials, expiration: new Date(clock.now().getTime() + leftMs) }
  }
  const client = sqsClient({
    region: first.region,
    endpoint: new URL(first.url).origin,
    credentials,
    proxyEnv: env,
  })
  return sqsQueue({ client, clock, log }, { url: first.url, isFifo: true })
}

/** After a failure it asks anew where they are: the control plane may have been moved. */
export const commandQueue = (deps: CommandQueueDeps): CommandQueue => {
  let idleHeartbeatMs: number | undefined
  let known: Promise<ReceiveQueue> | undefined
  const open = async (): Promise<ReceiveQueue> => {
    const answer = await deps.api.queue()
    idleHeartbeatMs = answer.kind === 'sqs' ? answer.idleHeartbeatSeconds * 1000 : undefined
    return answer.kind === 'sqs' ? sqsReceiver(deps, answer) : deps.overHttp
  }
  return {
    idleHeartbeatMs: () => idleHeartbeatMs,
    receive: async (options, take) => {
      known ??= open()
      try {
        return await (await known).receive(options, take)
      } catch (error) {
        known = undefined
        throw error
      }
    },
  }
}

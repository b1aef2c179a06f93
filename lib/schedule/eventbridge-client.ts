/**
 * @module eventbridge-client: the AWS SDK's client for rules.
 */
import {
  ConcurrentModificationException,
  EventBridgeClient,
  type EventBridgeClientConfig,
} from '@aws-sdk/client-eventbridge'

export interface EventbridgeClientSettings {
  /** Default: the SDK's, `AWS_REGION`. */
  region?: string | undefined
  /** The base URL of another server than AWS's. */
  endpoint?: string | undefined
  /** Default: the SDK's chain; in Lambda, the function's role. */
  credentials?: NonNullable<EventBridgeClientConfig['credentials']> | undefined
  maxAttempts?: number | undefined
}

/**
 * An account may ask 50 times a second, for all but PutEvents. Throttled, the SDK waits random parts of 1, 2, 4, 8 s.
 * Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
 */
const defaultMaxAttempts = 5

/** The SDK has no limits of its own, and would wait on a connection that broke without a word. */
const limits = {
  connectionTimeout: 1000,
  requestTimeout: 5000,
  socketTimeout: 5000,
  throwOnRequestTimeout: true,
}

const concurrentModification = 'ConcurrentModificationException'

/** Of targets it is told inside of an answer that says all is well. */
const refuseFailedEntries = (output: object): void => {
  if (!('FailedEntries' in output) || !Array.isArray(output.FailedEntries)) return
  const isConcurrent = output.FailedEntries.some(
    (entry: { ErrorCode?: string }) => entry.ErrorCode === concurrentModification,
  )
  if (!isConcurrent) return
  throw new ConcurrentModificationException({
    message: 'the targets of this rule were changed by another request at the same moment',
    $metadata: {},
  })
}

/** Two requests for one rule at once: the SDK takes it for a fault of ours, and does not ask again. */
const retryConcurrentModification = (client: EventBridgeClient): void => {
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        const answer = await next(args)
        refuseFailedEntries(answer.output)
        return answer
      } catch (error) {
        if (error instanceof ConcurrentModificationException) error.$retryable = {}
        throw error
      }
    },
    { step: 'finalizeRequest', priority: 'low', name: 'droverConcurrentModification' },
  )
}

/** What the SDK's standard mode asks again by itself: throttling, 5xx, lost connections, time-outs, a corrected clock. */
export const eventbridgeClient = (settings: EventbridgeClientSettings = {}): EventBridgeClient => {
  const { region, endpoint, credentials, maxAttempts = defaultMaxAttempts } = settings
  const client = new EventBridgeClient({
    retryMode: 'standard',
    maxAttempts,
    requestHandler: limits,
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
  })
  retryConcurrentModification(client)
  return client
}

/**
 * @module eventbridge-client: the AWS SDK's client for rules.
 */
import {
  ConcurrentModificationException,
  EventBridgeClient,
  type EventBridgeClientConfig,
} from '@aws-sdk/client-eventbridge'
import { sdkClientConfig, type SdkClientSettings } from '#lib/base/sdk-client-config.ts'

export type EventbridgeClientSettings = SdkClientSettings<NonNullable<EventBridgeClientConfig['credentials']>>

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

/**
 * An account may ask 50 times a second, for all but PutEvents.
 * Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
 */
export const eventbridgeClient = (settings: EventbridgeClientSettings = {}): EventBridgeClient => {
  const client = new EventBridgeClient(sdkClientConfig(settings))
  retryConcurrentModification(client)
  return client
}

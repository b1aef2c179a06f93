/**
 * @module dynamodb-client: the AWS SDK's client for the catalog's table.
 */
import {
  DynamoDBClient,
  TransactionConflictException,
  type DynamoDBClientConfig,
} from '@aws-sdk/client-dynamodb'

export interface DynamodbClientSettings {
  /** Default: the SDK's, `AWS_REGION`. */
  region?: string | undefined
  /** The base URL of another server than AWS's. */
  endpoint?: string | undefined
  /** Default: the SDK's chain; in Lambda, the function's role. */
  credentials?: NonNullable<DynamoDBClientConfig['credentials']> | undefined
  maxAttempts?: number | undefined
}

/**
 * Throttled, the SDK waits random parts of 1, 2, 4, 8 s: all within the 29 s that API Gateway waits for an answer.
 * Source: `@smithy/core` util-retry; https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
 */
const defaultMaxAttempts = 5

/** Of the SDK's own there is none: it would wait for ever on a connection that broke without a word. */
const limits = { connectionTimeout: 1000, socketTimeout: 5000 }

/** Somebody else's transaction holds the row; we make none. The SDK takes it for a fault of ours, and does not ask again. */
const retryTransactionConflicts = (client: DynamoDBClient): void => {
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args)
      } catch (error) {
        if (error instanceof TransactionConflictException) error.$retryable = {}
        throw error
      }
    },
    { step: 'finalizeRequest', priority: 'low', name: 'droverTransactionConflict' },
  )
}

/** What the SDK's standard mode asks again by itself: throttling, 5xx, lost connections, time-outs, a corrected clock. */
export const dynamodbClient = (settings: DynamodbClientSettings = {}): DynamoDBClient => {
  const { region, endpoint, credentials, maxAttempts = defaultMaxAttempts } = settings
  const client = new DynamoDBClient({
    retryMode: 'standard',
    maxAttempts,
    requestHandler: limits,
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
  })
  retryTransactionConflicts(client)
  return client
}

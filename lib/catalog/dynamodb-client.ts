/**
 * @module dynamodb-client: the AWS SDK's client for the catalog's table.
 */
import {
  DynamoDBClient,
  TransactionConflictException,
  type DynamoDBClientConfig,
} from '@aws-sdk/client-dynamodb'
import { sdkClientConfig, type SdkClientSettings } from '#lib/base/sdk-client-config.ts'

export type DynamodbClientSettings = SdkClientSettings<NonNullable<DynamoDBClientConfig['credentials']>>

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

export const dynamodbClient = (settings: DynamodbClientSettings = {}): DynamoDBClient => {
  const client = new DynamoDBClient(sdkClientConfig(settings))
  retryTransactionConflicts(client)
  return client
}

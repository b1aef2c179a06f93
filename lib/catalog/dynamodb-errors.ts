/**
 * @module dynamodb-errors: what DynamoDB's errors, and those of the way to it, mean, once asking again did not help.
 *
 * Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
 */
import { SdkFailure } from '#lib/base/sdk-failure.ts'
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { CatalogError } from './catalog-error.ts'

export type DynamodbAction = 'GetItem' | 'BatchGetItem' | 'PutItem' | 'DeleteItem' | 'Query'

interface DynamodbRequest {
  action: DynamodbAction
  table: string
  region: string
}

type Hint = (request: DynamodbRequest) => string

const isThrottled: Hint = ({ table }) =>
  `try again; when it lasts, see the throttled requests of table ${table} in CloudWatch and raise its limits`
const hasExpired: Hint = () => 'the credentials have expired: get new ones'
const hasNoCredentials: Hint = () =>
  'no credentials were found: give the process a role, or AWS_ACCESS_KEY_ID'
const hasBadKeys: Hint = () => 'check the credentials, and that they are of this account and partition'
const hasWrongClock: Hint = () => 'the clock of this machine is wrong: set it by NTP'

const hints: Record<string, Hint> = {
  ResourceNotFoundException: ({ table, region }) =>
    `check that table ${table} with its indexes exists in ${region}: it is named by DROVER_TABLE`,
  AccessDeniedException: ({ action, table }) =>
    `let the role do dynamodb:${action} on table ${table}${action === 'Query' ? ' and its indexes' : ''}`,
  ProvisionedThroughputExceededException: isThrottled,
  ThrottlingException: isThrottled,
  RequestLimitExceeded: isThrottled,
  TransactionConflictException: ({ table }) => `somebody else's transactions hold rows of ${table}: end them`,
  ExpiredTokenException: hasExpired,
  ExpiredToken: hasExpired,
  CredentialsProviderError: hasNoCredentials,
  MissingAuthenticationTokenException: hasNoCredentials,
  UnrecognizedClientException: hasBadKeys,
  IncompleteSignatureException: hasBadKeys,
  ValidationException: ({ table }) => `check that the keys and indexes of table ${table} are the template's`,
}

const hintOf = ({ name, message }: SdkFailure): Hint => {
  if (name === 'InvalidSignatureException')
    return /signature (expired|not yet current)/i.test(message) ? hasWrongClock : hasBadKeys
  return hints[name] ?? (({ region }) => `try again; check the network, and DynamoDB's health in ${region}`)
}

const writes: readonly DynamodbAction[] = ['PutItem', 'DeleteItem']

/** Refused at once, nothing was done; where an answer is missing, nobody knows. */
const isInDoubt = (action: DynamodbAction, { name, status, attempts = 1 }: SdkFailure): boolean =>
  writes.includes(action) &&
  name !== 'CredentialsProviderError' &&
  (status === undefined || status >= 500 || attempts > 1)

const dynamodbError = (request: DynamodbRequest, error: unknown): CatalogError => {
  const failure = new SdkFailure(error)
  const { action, table, region } = request
  const tries =
    failure.attempts !== undefined && failure.attempts > 1 ? `, asked ${failure.attempts} times` : ''
  const doubt = isInDoubt(action, failure) ? '; it may have been done' : ''
  return new CatalogError(
    'unavailable',
    `${action} on table ${table} in ${region}${tries}: ${failure.name}: ${failure.message}${doubt}`,
    { cause: failure, hint: hintOf(failure)(request) },
  )
}

export type TableError = (action: DynamodbAction, error: unknown) => Promise<CatalogError>

/** What failed on this table, for people. */
export const tableError =
  (client: DynamoDBClient, table: string): TableError =>
  async (action, error) => {
    const region = await client.config.region().catch(() => 'an unknown region')
    return dynamodbError({ action, table, region }, error)
  }

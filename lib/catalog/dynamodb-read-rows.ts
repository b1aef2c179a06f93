/**
 * @module dynamodb-read-rows: rows by their keys, any number, as they are now.
 */
import { BatchGetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { Clock } from '#lib/base/clock.ts'
import { tableError } from './dynamodb-errors.ts'
import { idOf, type Attributes } from './dynamodb-row.ts'

export interface ReadRowsDeps {
  client: DynamoDBClient
  clock: Pick<Clock, 'sleep'>
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html */
export const maxBatchKeys = 100
/** One after another in which nothing was read: 6.3 s of waiting at most. */
const maxFruitlessTries = 7
const firstWaitMs = 50

/** Those that are there, in any order, each once. */
export const rowReader = ({ client, clock }: ReadRowsDeps, table: string) => {
  const errorOf = tableError(client, table)

  const readOnce = async (keys: Attributes[]): Promise<{ rows: Attributes[]; unread: Attributes[] }> => {
    const command = new BatchGetItemCommand({
      RequestItems: { [table]: { Keys: keys, ConsistentRead: true } },
    })
    try {
      const { Responses, UnprocessedKeys } = await client.send(command)
      return { rows: Responses?.[table] ?? [], unread: UnprocessedKeys?.[table]?.Keys ?? [] }
    } catch (error) {
      throw await errorOf('BatchGetItem', error)
    }
  }

  /** DynamoDB leaves keys out when a table is busy and beyond 16 MB, and takes that for no error: the SDK does not ask again. */
  const readBatch = async (keys: Attributes[]): Promise<Attributes[]> => {
    const rows: Attributes[] = []
    let left = keys
    for (let fruitless = 0; ;) {
      const { rows: read, unread } = await readOnce(left)
      rows.push(...read)
      if (unread.length === 0) return rows
      fruitless = unread.length < left.length ? 0 : fruitless + 1
      if (fruitless === maxFruitlessTries) {
        const throttled = new Error(`${unread.length} of ${keys.length} keys were left unprocessed`)
        throw await errorOf('BatchGetItem', Object.assign(throttled, { name: 'ThrottlingException' }))
      }
      left = unread
      await clock.sleep(Math.random() * firstWaitMs * 2 ** fruitless)
    }
  }

  return async (keys: readonly Attributes[]): Promise<Attributes[]> => {
    const distinct = [...new Map(keys.map((key) => [idOf(key), key])).values()]
    const rows: Attributes[] = []
    for (let from = 0; from < distinct.length; from += maxBatchKeys)
      rows.push(...(await readBatch(distinct.slice(from, from + maxBatchKeys))))
    return rows
  }
}

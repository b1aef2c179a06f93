/**
 * @module dynamodb-item-store: an item store in a table of DynamoDB.
 *
 * The SDK sends a request again when its answer was lost, and then meets what it did itself. A put finds its own version and is
 * `written`. If another writer came between, it is a `conflict` though its value was there for a moment; who makes a change
 * again then sees it. A remove finds nothing, and cannot know who did that: `conflict`, so that nobody believes to have removed
 * what another did.
 */
import { randomUUID } from 'node:crypto'
import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb'
import { tableError } from './dynamodb-errors.ts'
import { pageReader } from './dynamodb-read-page.ts'
import { rowReader, type ReadRowsDeps } from './dynamodb-read-rows.ts'
import { itemOf, keyRow, rowOf } from './dynamodb-row.ts'
import { encodeCursor } from './item-cursor.ts'
import { checkItem, checkItemKey, type Expected, type ItemStore } from './item-store.ts'

export type DynamodbItemStoreDeps = ReadRowsDeps

export interface DynamodbItemStoreSettings {
  /** One of `tableShape`. */
  table: string
}

const condition = (expected: Expected) =>
  expected === 'absent'
    ? { ConditionExpression: 'attribute_not_exists(pk)' }
    : {
        ConditionExpression: 'version = :expected',
        ExpressionAttributeValues: { ':expected': { S: expected.version } },
      }

const writes = (
  { client }: Pick<DynamodbItemStoreDeps, 'client'>,
  table: string,
): Pick<ItemStore, 'put' | 'remove'> => {
  const errorOf = tableError(client, table)
  return {
    put: async (item, expected) => {
      const version = randomUUID()
      const command = new PutItemCommand({
        TableName: table,
        Item: rowOf(item, checkItem(item), version),
        ...condition(expected),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      })
      try {
        await client.send(command)
        return { kind: 'written', version }
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw await errorOf('PutItem', error)
        return error.Item?.version?.S === version ? { kind: 'written', version } : { kind: 'conflict' }
      }
    },
    remove: async (key, expected) => {
      checkItemKey(key)
      try {
        await client.send(
          new DeleteItemCommand({ TableName: table, Key: keyRow(key), ...condition(expected) }),
        )
        return 'removed'
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return 'conflict'
        throw await errorOf('DeleteItem', error)
      }
    },
  }
}

/** What it throws of DynamoDB's is a CatalogError `unavailable`. */
export const dynamodbItemStore = (
  deps: DynamodbItemStoreDeps,
  { table }: DynamodbItemStoreSettings,
): ItemStore => {
  const { client } = deps
  const errorOf = tableError(client, table)
  const readRows = rowReader(deps, table)
  const readPage = pageReader({ client, readRows }, table)
  return {
    ...writes(deps, table),
    get: async (key) => {
      checkItemKey(key)
      const command = new GetItemCommand({ TableName: table, Key: keyRow(key), ConsistentRead: true })
      const { Item } = await client.send(command).catch(async (error: unknown) => {
        throw await errorOf('GetItem', error)
      })
      return Item && itemOf(Item)
    },
    getMany: async (keys) => {
      for (const key of keys) checkItemKey(key)
      return (await readRows(keys.map(keyRow))).map(itemOf)
    },
    query: async (query) => {
      const { rows, end } = await readPage(query)
      return { items: rows.map(itemOf), ...(end && { next: encodeCursor(end) }) }
    },
  }
}

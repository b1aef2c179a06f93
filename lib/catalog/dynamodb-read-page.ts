/**
 * @module dynamodb-read-page: pages of a query, of the table or of an index.
 *
 * A query of the table is consistent. An index has keys alone and may lag: what it finds is read from the rows, and those whose
 * index key is another by now are left out; they are listed again once the index has caught up.
 */
import { QueryCommand, type DynamoDBClient, type QueryCommandOutput } from '@aws-sdk/client-dynamodb'
import { CatalogError } from './catalog-error.ts'
import { tableError } from './dynamodb-errors.ts'
import { maxBatchKeys } from './dynamodb-read-rows.ts'
import { endAt, endOf, idOf, keyOf, type Attributes } from './dynamodb-row.ts'
import { indexAttributes, keyAttributes } from './dynamodb-table.ts'
import { decodeCursor, type PageEnd } from './item-cursor.ts'
import { checkItemKey, defaultPageItems, type IndexName, type Query } from './item-store.ts'

export interface ReadPageDeps {
  client: DynamoDBClient
  readRows: (keys: readonly Attributes[]) => Promise<Attributes[]>
}

export interface RowPage {
  rows: Attributes[]
  /** Absent: that was the last. */
  end: PageEnd | undefined
}

/** As DynamoDB's own pages; what is read for an index would know no bound. */
const fullPageCharacters = 1024 * 1024

const isOf = ({ index, partition, sortPrefix = '' }: Query, { sort, key }: PageEnd): boolean =>
  sort.startsWith(sortPrefix) && (index !== undefined || (key.partition === partition && key.sort === sort))

/** DynamoDB refuses the end of another query. @throws CatalogError `invalid-cursor`. */
const startOf = (query: Query): PageEnd | undefined => {
  if (query.after === undefined) return undefined
  const end = decodeCursor(query.after)
  try {
    checkItemKey({ partition: query.partition, sort: end.sort })
    checkItemKey(end.key)
  } catch (cause) {
    throw new CatalogError('invalid-cursor', 'not the end of a page', {
      cause,
      hint: 'begin again without it',
    })
  }
  if (isOf(query, end)) return end
  throw new CatalogError('invalid-cursor', 'the end of a page of another query', {
    hint: 'begin again without it',
  })
}

const keyCondition = ({ index, partition, sortPrefix = '' }: Query) => {
  const attributes = index ? indexAttributes[index] : keyAttributes
  const isInPartition = `${attributes.partition} = :partition`
  const values = { ':partition': { S: partition } }
  if (sortPrefix === '') return { KeyConditionExpression: isInPartition, ExpressionAttributeValues: values }
  return {
    KeyConditionExpression: `${isInPartition} AND begins_with(${attributes.sort}, :prefix)`,
    ExpressionAttributeValues: { ...values, ':prefix': { S: sortPrefix } },
  }
}

const isUnmoved = (row: Attributes, found: Attributes, index: IndexName): boolean => {
  const { partition, sort } = indexAttributes[index]
  return row[partition]?.S === found[partition]?.S && row[sort]?.S === found[sort]?.S
}

/** One more was asked for, to know whether there is one. */
const pageOf = (answer: QueryCommandOutput, wanted: number, index: IndexName | undefined): RowPage => {
  const { Items = [], LastEvaluatedKey } = answer
  const rows = Items.slice(0, wanted)
  const last = Items.length > wanted ? rows.at(-1) : LastEvaluatedKey
  return { rows, end: last && endOf(last, index) }
}

export const pageReader = ({ client, readRows }: ReadPageDeps, table: string) => {
  const errorOf = tableError(client, table)

  const find = async (query: Query, wanted: number, start: PageEnd | undefined): Promise<RowPage> => {
    const { index, order } = query
    const command = new QueryCommand({
      TableName: table,
      ...(index ? { IndexName: index } : { ConsistentRead: true }),
      ...keyCondition(query),
      ScanIndexForward: order !== 'descending',
      Limit: wanted + 1,
      ...(start && { ExclusiveStartKey: endAt(query, start) }),
    })
    try {
      return pageOf(await client.send(command), wanted, index)
    } catch (error) {
      throw await errorOf('Query', error)
    }
  }

  const readFound = async (found: readonly Attributes[], index: IndexName): Promise<Attributes[]> => {
    const byId = new Map((await readRows(found.map(keyOf))).map((row) => [idOf(row), row]))
    return found.flatMap((each) => {
      const row = byId.get(idOf(each))
      return row && isUnmoved(row, each, index) ? [row] : []
    })
  }

  const readSome = async (query: Query, most: number, start: PageEnd | undefined): Promise<RowPage> => {
    const { index } = query
    if (!index) return find(query, most, start)
    const { rows, end } = await find(query, Math.min(most, maxBatchKeys), start)
    return { rows: await readFound(rows, index), end }
  }

  /** Never empty when more may follow: callers ask for the first one. */
  return async (query: Query): Promise<RowPage> => {
    const { partition, sortPrefix, limit = defaultPageItems } = query
    checkItemKey({ partition, sort: sortPrefix || 'any' })
    const rows: Attributes[] = []
    let end = startOf(query)
    let characters = 0
    do {
      const some = await readSome(query, limit - rows.length, end)
      rows.push(...some.rows)
      for (const { value } of some.rows) characters += value?.S?.length ?? 0
      end = some.end
    } while (end && rows.length < limit && characters < fullPageCharacters)
    return { rows, end }
  }
}

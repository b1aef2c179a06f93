/**
 * @module dynamodb-row: items as rows of DynamoDB's table.
 *
 * The value is one JSON text, so that its numbers stay exact. To an index's sort key the item's own key is added: DynamoDB does
 * not say in which order it lists equal ones (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html).
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import * as z from 'zod'
import { CatalogError } from './catalog-error.ts'
import { indexAttributes } from './dynamodb-table.ts'
import type { PageEnd } from './item-cursor.ts'
import {
  indexNames,
  maxSortBytes,
  type IndexName,
  type Item,
  type ItemKey,
  type ItemValue,
  type StoredItem,
} from './item-store.ts'

export type Attributes = Record<string, AttributeValue>

const Text = z.object({ S: z.string() })
const Row = z.object({
  pk: Text,
  sk: Text,
  version: Text,
  value: Text,
  first_pk: Text.optional(),
  first_sk: Text.optional(),
  second_pk: Text.optional(),
  second_sk: Text.optional(),
  expires_at: z.object({ N: z.string() }).optional(),
})
type Row = z.infer<typeof Row>

/** No index's sort key has it in it. */
const separator = '\u0000'

/** Cut to what DynamoDB allows, at a whole character: what is cut only leaves the order of some equal ones to DynamoDB. */
const storedSort = (sort: string, { partition, sort: own }: ItemKey): string => {
  const whole = [sort, partition, own].join(separator)
  const { read } = new TextEncoder().encodeInto(whole, new Uint8Array(maxSortBytes))
  return whole.slice(0, read)
}

const givenSort = (stored: string): string => stored.split(separator, 1)[0] ?? ''

export const keyRow = ({ partition, sort }: ItemKey): Attributes => ({
  pk: { S: partition },
  sk: { S: sort },
})

/** The key alone, of a row or of what an index has of it. */
export const keyOf = ({ pk, sk }: Attributes): Attributes => ({ ...(pk && { pk }), ...(sk && { sk }) })

export const idOf = ({ pk, sk }: Attributes): string => JSON.stringify([pk?.S, sk?.S])

const indexRow = (index: IndexName, indexKey: ItemKey, key: ItemKey): Attributes => ({
  [indexAttributes[index].partition]: { S: indexKey.partition },
  [indexAttributes[index].sort]: { S: storedSort(indexKey.sort, key) },
})

/** `text`: the value, as JSON. */
export const rowOf = ({ key, indexes, expiresAt }: Item, text: string, version: string): Attributes => {
  const row: Attributes = { ...keyRow(key), version: { S: version }, value: { S: text } }
  for (const name of indexNames) if (indexes?.[name]) Object.assign(row, indexRow(name, indexes[name], key))
  if (expiresAt !== undefined) row.expires_at = { N: String(expiresAt) }
  return row
}

const indexesOf = (row: Row): Pick<Item, 'indexes'> => {
  const indexes: Partial<Record<IndexName, ItemKey>> = {}
  for (const name of indexNames) {
    const [partition, sort] = [row[`${name}_pk`], row[`${name}_sk`]]
    if (partition && sort) indexes[name] = { partition: partition.S, sort: givenSort(sort.S) }
  }
  return Object.keys(indexes).length > 0 ? { indexes } : {}
}

/** @throws CatalogError `damaged`. */
export const itemOf = (attributes: Attributes): StoredItem => {
  try {
    const row = Row.parse(attributes)
    return {
      key: { partition: row.pk.S, sort: row.sk.S },
      version: row.version.S,
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- written by `rowOf` alone
      value: JSON.parse(row.value.S) as ItemValue,
      ...indexesOf(row),
      ...(row.expires_at && { expiresAt: Number(row.expires_at.N) }),
    }
  } catch (cause) {
    throw new CatalogError('damaged', `row ${attributes.pk?.S} ${attributes.sk?.S} cannot be read`, {
      cause,
      hint: 'something else wrote it: restore the table to a point in time before',
    })
  }
}

/** Where a listing goes on after this. */
export const endAt = (
  query: { index?: IndexName | undefined; partition: string },
  end: PageEnd,
): Attributes => ({
  ...keyRow(end.key),
  ...(query.index && indexRow(query.index, { partition: query.partition, sort: end.sort }, end.key)),
})

/** `row` has the keys of the table and of the index. */
export const endOf = (row: Attributes, index: IndexName | undefined): PageEnd => {
  const key = { partition: row.pk?.S ?? '', sort: row.sk?.S ?? '' }
  return { sort: index ? givenSort(row[indexAttributes[index].sort]?.S ?? '') : key.sort, key }
}

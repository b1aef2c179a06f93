/**
 * @module dynamodb-table: the shape of the catalog's table, and nowhere else is it said: what tests make has it, and the
 * template is compared with it.
 *
 * Its indexes have keys alone: what a row says is read from the row, so that a change of it costs no writes in them.
 */
import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb'
import type { IndexName } from './item-store.ts'

export const keyAttributes = { partition: 'pk', sort: 'sk' } as const

export const indexAttributes = {
  first: { partition: 'first_pk', sort: 'first_sk' },
  second: { partition: 'second_pk', sort: 'second_sk' },
} as const satisfies Record<IndexName, { partition: string; sort: string }>

const keySchema = ({ partition, sort }: { partition: string; sort: string }) => [
  { AttributeName: partition, KeyType: 'HASH' as const },
  { AttributeName: sort, KeyType: 'RANGE' as const },
]

const keysOnlyIndex = (name: IndexName) => ({
  IndexName: name,
  KeySchema: keySchema(indexAttributes[name]),
  Projection: { ProjectionType: 'KEYS_ONLY' as const },
})

/** In CreateTable's words, which are CloudFormation's too. */
export const tableShape = {
  AttributeDefinitions: [keyAttributes, indexAttributes.first, indexAttributes.second]
    .flatMap(({ partition, sort }) => [partition, sort])
    .map((AttributeName) => ({ AttributeName, AttributeType: 'S' as const })),
  KeySchema: keySchema(keyAttributes),
  GlobalSecondaryIndexes: [keysOnlyIndex('first'), keysOnlyIndex('second')],
  BillingMode: 'PAY_PER_REQUEST',
} satisfies Omit<CreateTableCommandInput, 'TableName'>

export const tableTimeToLive = { AttributeName: 'expires_at', Enabled: true }

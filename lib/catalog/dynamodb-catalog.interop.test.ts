import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { systemClock } from '#lib/base/clock.ts'
import { gathered } from '#lib/base/gathered.ts'
import { injectFaults, type Fault } from '#test/oracles/dynamodb-faults.ts'
import { createTable, startDynamodbLocal, type DynamodbLocal } from '#test/oracles/dynamodb-local.ts'
import { queuedOperation } from '#test/queued-operation.ts'
import { catalogKeys, sortPrefix } from './catalog-keys.ts'
import { catalog } from './catalog.ts'
import { collection } from './collection.ts'
import { dynamodbClient } from './dynamodb-client.ts'
import { dynamodbItemStore } from './dynamodb-item-store.ts'
import type { ItemStore } from './item-store.ts'

let local: DynamodbLocal
beforeAll(async () => {
  local = await startDynamodbLocal()
})
afterAll(() => local.stop())

let client: ReturnType<typeof dynamodbClient>
let store: ItemStore
beforeEach(async () => {
  client = dynamodbClient(local.settings)
  store = dynamodbItemStore({ client, clock: systemClock }, { table: await createTable(client) })
})

const Counter = z.object({ name: z.string(), count: z.int() })
const keyOf = ({ name }: { name: string }) => ({ partition: 'counter', sort: name })
const key = keyOf({ name: 'a' })
const countersIn = (items: ItemStore) => collection(items, { what: 'counter', schema: Counter, keyOf })
const add = (there: z.infer<typeof Counter> | undefined) => ({ name: 'a', count: (there?.count ?? 0) + 1 })

describe('the catalog on DynamoDB', () => {
  it('loses no change of twenty at once', async () => {
    const counters = countersIn(store)
    await Promise.all(Array.from({ length: 20 }, () => counters.change(key, add)))
    expect(await counters.get(key)).toEqual({ name: 'a', count: 20 })
  })

  it('makes each change once though answers are lost', async () => {
    const counters = countersIn(store)
    const lost: Fault = { kind: 'answer-lost' }
    injectFaults(client, 'PutItem', [lost, undefined, lost, lost])
    expect(await counters.create({ name: 'a', count: 0 })).toBe(true)
    for (let n = 1; n <= 5; n++) expect(await counters.change(key, add)).toEqual({ name: 'a', count: n })
  })

  it('removes, and is content when another did', async () => {
    const counters = countersIn(store)
    await counters.create({ name: 'a', count: 1 })
    expect(await counters.remove(key, ({ count }) => count > 1)).toBe(false)
    expect(await counters.remove(key)).toBe(true)
    expect(await counters.remove(key)).toBe(false)
    await counters.create({ name: 'a', count: 2 })
    injectFaults(client, 'DeleteItem', [{ kind: 'answer-lost' }])
    expect(await counters.remove(key)).toBe(false)
    expect(await counters.get(key)).toBe(undefined)
  })

  it('finds the operations of a volume, and those that are open', async () => {
    const { operations } = catalog(store)
    for (const id of ['1', '2', '3']) await operations.create({ ...queuedOperation, id })
    await operations.create({ ...queuedOperation, id: '4', volume: 'db', node: 'node-2' })
    await operations.change(catalogKeys.operation('2'), (there) =>
      there ? { ...there, state: 'succeeded', endedAt: '2099-01-01T00:01:00Z' } : undefined,
    )
    const idsIn = async (index: 'first' | 'second', partition: string, prefix = '') => {
      const found = await gathered(operations.all({ index, partition, sortPrefix: prefix }))
      return found.map(({ id }) => id)
    }
    const { cluster, volume, node } = queuedOperation
    const ofVolume = catalogKeys.operationOfVolume(cluster, volume, '').partition
    expect(await idsIn('first', ofVolume)).toEqual(['1', '2', '3'])
    const open = catalogKeys.openOperation('', '').partition
    expect(await idsIn('second', open)).toEqual(['1', '3', '4'])
    expect(await idsIn('second', open, sortPrefix(node))).toEqual(['1', '3'])
  })
})

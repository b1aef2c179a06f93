import { CreateTableCommand, UpdateTimeToLiveCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '#lib/base/clock.ts'
import { forEachConcurrently } from '#lib/base/concurrency.ts'
import { gathered } from '#lib/base/gathered.ts'
import { injectFaults } from '#test/oracles/dynamodb-faults.ts'
import { createTable, startDynamodbLocal, type DynamodbLocal } from '#test/oracles/dynamodb-local.ts'
import { dynamodbClient } from './dynamodb-client.ts'
import { dynamodbItemStore } from './dynamodb-item-store.ts'
import { tableShape, tableTimeToLive } from './dynamodb-table.ts'
import { encodeCursor } from './item-cursor.ts'
import { itemStoreContract } from './item-store.contract.ts'
import { queryAll, type Item, type ItemStore } from './item-store.ts'

let local: DynamodbLocal
beforeAll(async () => {
  local = await startDynamodbLocal()
})
afterAll(() => local.stop())

itemStoreContract('dynamodb', {
  open: async () => {
    const client = dynamodbClient(local.settings)
    return dynamodbItemStore({ client, clock: systemClock }, { table: await createTable(client) })
  },
})

describe('dynamodb', () => {
  let client: DynamoDBClient
  let table: string
  let store: ItemStore
  beforeEach(async () => {
    client = dynamodbClient(local.settings)
    table = await createTable(client)
    store = dynamodbItemStore({ client, clock: systemClock }, { table })
  })

  /** The first byte tells them apart; the rest is as long as a key may be. */
  const longKey = (first: string) => ({ partition: first.padEnd(2048, 'p'), sort: first.padEnd(1024, 's') })

  const largest = (): Item => ({
    key: longKey('k'),
    value: { text: 'x'.repeat(380_000 - '{"text":""}'.length) },
    indexes: { first: longKey('1'), second: longKey('2') },
    expiresAt: 4_000_000_000,
  })

  it('keeps the largest item with the longest keys, and refuses one byte more', async () => {
    const item = largest()
    expect(await store.put(item, 'absent')).toMatchObject({ kind: 'written' })
    expect(await store.get(item.key)).toMatchObject(item)
    for (const index of ['first', 'second'] as const) {
      const { partition, sort } = item.indexes?.[index] ?? longKey('')
      expect(await store.query({ index, partition, sortPrefix: sort })).toMatchObject({ items: [item] })
    }
    const requests = injectFaults(client, 'PutItem', [])
    const value = { text: 'x'.repeat(380_000 - '{"text":""}'.length + 1) }
    await expect(store.put({ ...item, value }, 'absent')).rejects.toMatchObject({
      code: 'item-too-large',
      hint: 'an item has at most 380000 bytes',
    })
    expect(requests()).toBe(0)
  })

  it('gives index keys back as they came, though nothing or half a character of more has room', async () => {
    for (const [number, bytes] of [1024, 1023, 1022, 1021, 1020, 1015].entries()) {
      const item: Item = {
        key: { partition: 'ö', sort: `${number}-\u{1f600}` },
        value: {},
        indexes: { first: { partition: 'all', sort: 's'.repeat(bytes) } },
      }
      await store.put(item, 'absent')
      expect(await store.get(item.key)).toMatchObject(item)
    }
    expect(await gathered(queryAll(store, { index: 'first', partition: 'all', limit: 1 }))).toHaveLength(6)
  })

  /** Without indexes: where there are any, DynamoDB Local 2.6.1 deletes nothing. */
  const plainTable = async (): Promise<string> => {
    const { AttributeDefinitions, KeySchema, BillingMode } = tableShape
    const shape = { AttributeDefinitions: AttributeDefinitions.slice(0, 2), KeySchema, BillingMode }
    const TableName = 'drover-without-indexes'
    await client.send(new CreateTableCommand({ TableName, ...shape }))
    await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: tableTimeToLive }))
    return TableName
  }

  it('tells DynamoDB in its own terms when a row goes', async () => {
    const plain = dynamodbItemStore({ client, clock: systemClock }, { table: await plainTable() })
    const nowSeconds = Math.floor(Date.now() / 1000)
    const put = (sort: string, expiresAt?: number) =>
      plain.put({ key: { partition: 'a', sort }, value: {}, expiresAt }, 'absent')
    await put('old', nowSeconds - 60)
    await put('young', nowSeconds + 3600)
    await put('eternal')
    const gone = async () => expect(await plain.get({ partition: 'a', sort: 'old' })).toBe(undefined)
    await vi.waitFor(gone, { timeout: 60_000, interval: 200 })
    const { items } = await plain.query({ partition: 'a' })
    expect(items.map(({ key }) => key.sort)).toEqual(['eternal', 'young'])
  })

  it('lists more than a megabyte completely, by the table and by an index, both ways', async () => {
    const sorts = Array.from({ length: 14 }, (_, i) => `s${String(i).padStart(2, '0')}`)
    await forEachConcurrently(sorts, { limit: 4 }, async (sort) => {
      const value = { text: sort.repeat(100_000) }
      const indexes = { first: { partition: 'all', sort: 'same' } }
      await store.put({ key: { partition: 'p', sort }, value, indexes }, 'absent')
    })
    for (const query of [{ partition: 'p' }, { index: 'first', partition: 'all' }] as const) {
      const page = await store.query({ ...query, limit: 1000 })
      expect(page.items.length).toBeGreaterThan(1)
      if (!('index' in query)) expect(page.items.length).toBeLessThan(sorts.length)
      for (const order of ['ascending', 'descending'] as const) {
        const found = await gathered(queryAll(store, { ...query, order }))
        const expected = order === 'ascending' ? sorts : sorts.toReversed()
        expect(found.map(({ key }) => key.sort)).toEqual(expected)
        expect(found.every(({ key, value }) => value.text === key.sort.repeat(100_000))).toBe(true)
      }
    }
  })

  it('fills a page of an index beyond what one request reads', async () => {
    const sorts = Array.from({ length: 230 }, (_, i) => `s${String(i).padStart(3, '0')}`)
    await forEachConcurrently(sorts, { limit: 8 }, async (sort) => {
      const indexes = { second: { partition: 'all', sort } }
      await store.put({ key: { partition: sort, sort: 'x' }, value: {}, indexes }, 'absent')
    })
    const page = await store.query({ index: 'second', partition: 'all', limit: 220 })
    expect(page.items.map(({ key }) => key.partition)).toEqual(sorts.slice(0, 220))
    const rest = await store.query({ index: 'second', partition: 'all', limit: 220, after: page.next })
    expect(rest.items.map(({ key }) => key.partition)).toEqual(sorts.slice(220))
    expect(rest.next).toBe(undefined)
  })

  it('reads rows as they are, whatever a late index says, and gives no empty page before the last', async () => {
    const itemIn = (sort: string, state: string, count = 0): Item => ({
      key: { partition: 'operation', sort },
      value: { count },
      indexes: { first: { partition: state, sort } },
    })
    const versions = new Map<string, string>()
    for (const sort of ['a', 'b', 'c']) {
      const result = await store.put(itemIn(sort, 'open'), 'absent')
      versions.set(sort, result.kind === 'written' ? result.version : '')
    }
    const answers: Record<string, unknown>[] = []
    const keep = (answer: Record<string, unknown>) => (answers.push(answer), answer)
    const late = [0, 1, 2].map((n) => ({ kind: 'altered', alter: () => answers[n] }) as const)
    injectFaults(client, 'Query', [...late.map(() => ({ kind: 'altered', alter: keep }) as const), ...late])
    const query = { index: 'first', partition: 'open', limit: 1 } as const
    expect(await gathered(queryAll(store, query))).toHaveLength(3)

    await store.put(itemIn('a', 'ended'), { version: versions.get('a') ?? '' })
    await store.remove({ partition: 'operation', sort: 'b' }, { version: versions.get('b') ?? '' })
    await store.put(itemIn('c', 'open', 7), { version: versions.get('c') ?? '' })
    expect(await store.query(query)).toMatchObject({ items: [itemIn('c', 'open', 7)] })
  })

  it.each([
    { of: 'another partition', end: { sort: 'b', key: { partition: 'other', sort: 'b' } } },
    { of: 'another prefix', end: { sort: 'x', key: { partition: 'p', sort: 'x' } } },
    { of: 'an index', end: { sort: 'b', key: { partition: 'p', sort: 'bb' } } },
    { of: 'nothing', end: { sort: '', key: { partition: '', sort: '' } } },
  ])('refuses the end of a page of $of', async ({ end }) => {
    const query = { partition: 'p', sortPrefix: 'b', after: encodeCursor(end) }
    await expect(store.query(query)).rejects.toMatchObject({ code: 'invalid-cursor' })
  })

  it('refuses keys that no item can have', async () => {
    const key = { partition: 'p', sort: 'x'.repeat(1025) }
    const wrong = { code: 'invalid-key' }
    await expect(store.get(key)).rejects.toMatchObject(wrong)
    await expect(store.getMany([key])).rejects.toMatchObject(wrong)
    await expect(store.remove(key, { version: '1' })).rejects.toMatchObject(wrong)
    await expect(store.query({ partition: 'p', sortPrefix: key.sort })).rejects.toMatchObject(wrong)
    const indexes = { first: { partition: 'p', sort: 'a\u0000b' } }
    const item = { key: { partition: 'p', sort: 'a' }, value: {}, indexes }
    await expect(store.put(item, 'absent')).rejects.toMatchObject(wrong)
  })
})

import { once } from 'node:events'
import { createServer } from 'node:net'
import { PutItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '#lib/base/clock.ts'
import { freePort } from '#test/free-port.ts'
import { injectFaults, type Fault } from '#test/oracles/dynamodb-faults.ts'
import { createTable, startDynamodbLocal, type DynamodbLocal } from '#test/oracles/dynamodb-local.ts'
import { idleClock } from '#test/idle-clock.ts'
import { dynamodbClient, type DynamodbClientSettings } from './dynamodb-client.ts'
import { dynamodbItemStore } from './dynamodb-item-store.ts'
import type { ItemStore } from './item-store.ts'

let local: DynamodbLocal
beforeAll(async () => {
  local = await startDynamodbLocal()
})
afterAll(() => local.stop())

let client: DynamoDBClient
let table: string
let store: ItemStore
beforeEach(async () => {
  client = dynamodbClient(local.settings)
  table = await createTable(client)
  store = dynamodbItemStore({ client, clock: systemClock }, { table })
})

const key = { partition: 'a', sort: 'b' }
const item = { key, value: { count: 1 } }
const refused = (status: number, code: string, message?: string): Fault => ({
  kind: 'refused',
  status,
  code,
  ...(message !== undefined && { message }),
})

const made = async (): Promise<string> => {
  const result = await store.put(item, 'absent')
  return result.kind === 'written' ? result.version : ''
}

describe('requests to DynamoDB', () => {
  it.each([
    ['ProvisionedThroughputExceededException', 400],
    ['ThrottlingException', 400],
    ['RequestLimitExceeded', 400],
    ['TransactionConflictException', 400],
    ['InternalServerError', 500],
    ['ServiceUnavailable', 503],
  ] as const)('are sent again after %s', async (code, status) => {
    const requests = injectFaults(client, 'PutItem', [refused(status, code)])
    expect(await store.put(item, 'absent')).toMatchObject({ kind: 'written' })
    expect(requests()).toBe(2)
  })

  it('are sent five times at most', async () => {
    const faults = Array.from({ length: 9 }, () => refused(500, 'InternalServerError'))
    const requests = injectFaults(client, 'GetItem', faults)
    await expect(store.get(key)).rejects.toMatchObject({
      code: 'unavailable',
      message: `GetItem on table ${table} in us-east-1, asked 5 times: InternalServerError: as told`,
    })
    expect(requests()).toBe(5)
  })

  it.each([
    ['AccessDeniedException', 'User: x is not authorized', 'let the role do dynamodb:GetItem on table T'],
    ['ResourceNotFoundException', 'no', 'check that table T with its indexes exists in us-east-1'],
    ['ExpiredTokenException', 'expired', 'the credentials have expired'],
    ['UnrecognizedClientException', 'invalid token', 'check the credentials'],
    ['InvalidSignatureException', 'Signature not yet current: 2', 'the clock of this machine is wrong'],
    ['InvalidSignatureException', 'does not match the signature you provided', 'check the credentials'],
    ['ValidationException', 'The provided key element', 'check that the keys and indexes of table T are'],
    ['KMSThing', 'unheard of', "try again; check the network, and DynamoDB's health in us-east-1"],
  ])('that %s ends say what to do', async (code, message, hint) => {
    const requests = injectFaults(client, 'GetItem', [refused(400, code, message)])
    await expect(store.get(key)).rejects.toMatchObject({
      code: 'unavailable',
      message: `GetItem on table ${table} in us-east-1: ${code}: ${message}`,
      hint: expect.stringContaining(hint.replace(/\bT\b/, table)),
    })
    expect(requests()).toBe(1)
  })

  it('of every kind name the table that is missing', async () => {
    const lost = dynamodbItemStore({ client, clock: systemClock }, { table: 'drover-none' })
    const asked = [
      lost.get(key),
      lost.getMany([key]),
      lost.put(item, 'absent'),
      lost.remove(key, { version: '1' }),
      lost.query({ partition: 'a' }),
      lost.query({ index: 'first', partition: 'a' }),
    ]
    for (const answer of await Promise.allSettled(asked)) {
      expect(answer).toMatchObject({
        status: 'rejected',
        reason: {
          code: 'unavailable',
          message: expect.stringMatching(/on table drover-none in us-east-1: ResourceNotFoundException/),
          hint: expect.stringContaining('table drover-none with its indexes exists in us-east-1'),
        },
      })
    }
  })

  it('say that nobody is there, and that there are no credentials', async () => {
    const storeOf = (settings: DynamodbClientSettings) =>
      dynamodbItemStore({ client: dynamodbClient(settings), clock: systemClock }, { table })
    const away = storeOf({ ...local.settings, endpoint: `http://127.0.0.1:${await freePort()}` })
    await expect(away.put(item, 'absent')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^PutItem on table .* ECONNREFUSED .*; it may have been done$/),
    })
    const none = Object.assign(new Error('no role'), { name: 'CredentialsProviderError' })
    const nobody = storeOf({ ...local.settings, credentials: () => Promise.reject(none) })
    await expect(nobody.put(item, 'absent')).rejects.toMatchObject({
      message: `PutItem on table ${table} in us-east-1: CredentialsProviderError: no role`,
      hint: expect.stringContaining('no credentials were found'),
    })
  })

  it('end though nobody ever answers', async () => {
    const silent = createServer()
    const port = await freePort()
    await once(silent.listen(port, '127.0.0.1'), 'listening')
    const impatient = dynamodbClient({
      ...local.settings,
      endpoint: `http://127.0.0.1:${port}`,
      maxAttempts: 1,
    })
    await expect(
      dynamodbItemStore({ client: impatient, clock: systemClock }, { table }).get(key),
    ).rejects.toMatchObject({ message: expect.stringContaining('TimeoutError') })
    silent.close()
  })

  it('keep nothing of what was sent in their errors', async () => {
    injectFaults(client, 'PutItem', [refused(400, 'AccessDeniedException', 'no')])
    const error = await store.put(item, 'absent').catch((failure: unknown) => failure)
    expect(error).toMatchObject({ cause: { name: 'AccessDeniedException', status: 400, attempts: 1 } })
    expect(Object.keys((error as Error).cause as object).toSorted()).toEqual([
      'attempts',
      'errno',
      'name',
      'requestId',
      'status',
    ])
  })
})

describe('a put whose answer is lost', () => {
  const lost: Fault = { kind: 'answer-lost' }

  it('that made an item is written', async () => {
    const requests = injectFaults(client, 'PutItem', [lost, lost])
    const result = await store.put(item, 'absent')
    expect(result).toMatchObject({ kind: 'written' })
    expect(requests()).toBe(3)
    expect(await store.get(key)).toEqual({
      ...item,
      ...(result.kind === 'written' && { version: result.version }),
    })
  })

  it('that changed an item is written', async () => {
    const version = await made()
    injectFaults(client, 'PutItem', [lost])
    expect(await store.put({ key, value: { count: 2 } }, { version })).toMatchObject({ kind: 'written' })
    expect((await store.get(key))?.value).toEqual({ count: 2 })
  })

  it('is a conflict when another came between, and where another was first', async () => {
    const version = await made()
    const overwrite = async () => {
      const there = await store.get(key)
      const Item = { pk: { S: 'a' }, sk: { S: 'b' }, version: { S: 'other' }, value: { S: '{"count":9}' } }
      if (there) await dynamodbClient(local.settings).send(new PutItemCommand({ TableName: table, Item }))
    }
    injectFaults(client, 'PutItem', [{ kind: 'answer-lost', meanwhile: overwrite }, lost])
    expect(await store.put({ key, value: { count: 2 } }, { version })).toEqual({ kind: 'conflict' })
    expect(await store.put({ key, value: { count: 3 } }, { version })).toEqual({ kind: 'conflict' })
    expect((await store.get(key))?.value).toEqual({ count: 9 })
  })

  it('says that it may have been done when nothing is ever heard', async () => {
    injectFaults(
      client,
      'PutItem',
      Array.from({ length: 5 }, () => lost),
    )
    await expect(store.put(item, 'absent')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/asked 5 times: .*socket hang up; it may have been done$/),
    })
  })
})

it('a remove whose answer is lost is a conflict: another may have done it', async () => {
  const version = await made()
  injectFaults(client, 'DeleteItem', [{ kind: 'answer-lost' }])
  expect(await store.remove(key, { version })).toBe('conflict')
  expect(await store.get(key)).toBe(undefined)
})

describe('keys left unprocessed', () => {
  interface BatchAnswer {
    Responses: Record<string, { pk: object; sk: object }[]>
    UnprocessedKeys: object
  }

  /** All but `read` of what was answered. */
  const leaving = (read: number): Fault => ({
    kind: 'altered',
    alter: (answer) => {
      const { Responses } = answer as unknown as BatchAnswer
      const rows = Responses[table] ?? []
      const Keys = rows.slice(read).map(({ pk, sk }) => ({ pk, sk }))
      return {
        Responses: { [table]: rows.slice(0, read) },
        UnprocessedKeys: { [table]: { Keys, ConsistentRead: true } },
      }
    },
  })
  const keys = Array.from({ length: 12 }, (_, i) => ({ partition: 'p', sort: `s${i}` }))
  const clock = idleClock()

  it('are asked for again until all are read', async () => {
    for (const each of keys) await store.put({ key: each, value: {} }, 'absent')
    const requests = injectFaults(client, 'BatchGetItem', [leaving(5), leaving(0), leaving(0), leaving(3)])
    const found = await store.getMany([...keys, ...keys])
    expect(found.map(({ key: { sort } }) => sort).toSorted()).toEqual(keys.map(({ sort }) => sort).toSorted())
    expect(requests()).toBe(5)
  })

  it('are an error when none is ever read, and never just missing', async () => {
    for (const each of keys) await store.put({ key: each, value: {} }, 'absent')
    const patient = dynamodbItemStore({ client, clock }, { table })
    injectFaults(client, 'BatchGetItem', [leaving(2), ...Array.from({ length: 7 }, () => leaving(0))])
    await expect(patient.getMany(keys)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('10 of 12 keys were left unprocessed'),
      hint: expect.stringContaining('CloudWatch'),
    })
  })
})

/** Of a batch of reports one cannot be recorded for a while. */
import { SendMessageBatchCommand } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import type { Operation } from '#lib/operation/operation.ts'
import { Report } from '#lib/operation/report.ts'
import { startLocalAws, type Happening, type LocalAws } from './local-aws.ts'
import { addOperation, addVolume, cluster, makeEstate, reportOf, type Estate } from './small-estate.ts'
import { until } from './until.ts'

const ten = Array.from({ length: 10 }, (_, at) => `volume-${at}`)

describe('a batch of ten reports, of which one cannot be recorded', () => {
  let aws: LocalAws
  let estate: Estate
  beforeAll(async () => {
    aws = await startLocalAws()
    estate = await makeEstate(aws)
  })
  afterAll(() => aws?.stop())

  const succeeded = async (operations: readonly Operation[]): Promise<string[]> => {
    const keys = operations.map(({ id }) => catalogKeys.operation(id))
    const there = await estate.world.catalog.operations.getMany(keys)
    return there.flatMap(({ id, state }) => (state === 'succeeded' ? [id] : [])).toSorted()
  }
  const idsOf = (operations: readonly Operation[]) => operations.map(({ id }) => id).toSorted()

  it('is taken but for that one, which comes again alone until it is', async () => {
    const { world } = estate
    for (const name of ten) await addVolume(world, name)
    const operations: Operation[] = []
    for (const volume of ten)
      operations.push(
        await addOperation(world, 'attach-volume', { isMaintenance: false }, { volume, state: 'running' }),
      )
    const [stuck, ...others] = operations
    if (!stuck) throw new Error('no operation')

    const batches: string[][] = []
    const arrange = <T>(happened: T[], what: Happening): T[] => {
      // All ten at once, or none.
      if (
        what !== 'reports' ||
        happened.length === 0 ||
        (batches.length === 0 && happened.length < ten.length)
      )
        return []
      batches.push(happened.map((message) => operationIn(message)).toSorted())
      return happened
    }
    aws.arrange = arrange
    let isRefused = true
    aws.onCall = async ({ operation, input }) =>
      isRefused && operation === 'PutItem' && JSON.stringify(input['Item']).includes(JSON.stringify(stuck.id))
        ? {
            status: 500,
            body: { __type: 'com.amazonaws.dynamodb.v20120810#InternalServerError', message: 'of the test' },
          }
        : undefined

    const Entries = operations.map((operation, at) => ({
      Id: String(at),
      MessageBody: JSON.stringify(
        reportOf(operation, 1, { kind: 'succeeded', result: { path: '/dev/loop7' } }),
      ),
    }))
    await world.sqs.send(new SendMessageBatchCommand({ QueueUrl: world.queueUrl('reports'), Entries }))
    await until('the others, and another try', async () =>
      (await succeeded(operations)).length === others.length && batches.length > 2 ? true : undefined,
    )
    expect(await succeeded(operations)).toEqual(idsOf(others))
    isRefused = false
    await until('all of them', async () =>
      (await succeeded(operations)).length === operations.length ? true : undefined,
    )
    await world.quiet()
    const [first, ...again] = batches
    expect(first).toEqual(idsOf(operations))
    expect(new Set(again.flat())).toEqual(new Set([stuck.id]))
    for (const volume of ten)
      expect(await world.catalog.volumes.get(catalogKeys.volume(cluster, volume))).toMatchObject({
        state: 'attached',
        path: '/dev/loop7',
      })
  })
})

const operationIn = (message: unknown): string => {
  const body = typeof message === 'object' && message !== null ? Reflect.get(message, 'Body') : undefined
  return Report.parse(JSON.parse(String(body))).operationId
}

import { describe, expect, it } from 'vitest'
import type { Asked } from '#lib/api/client-calls.ts'
import type { ApiClient } from '#lib/api/client.ts'
import { RequestError } from '#lib/api/requests.ts'
import { operationView } from '#lib/api/views.ts'
import { randomIds } from '#lib/base/ids.ts'
import { queuedOperation } from '#test/queued-operation.ts'
import type { Operation } from './answers.ts'
import { noProgress } from './output/progress.ts'
import { issue, waitFor } from './wait-for.ts'

const queued = operationView(queuedOperation)

const unreachable = (code: string) =>
  new RequestError('unreachable', 'no answer', {
    cause: new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) }),
  })

const setUp = () => {
  const pauses: number[] = []
  const controller = new AbortController()
  const session = {
    clock: {
      now: () => new Date(),
      sleep: async (ms: number) => {
        pauses.push(ms)
      },
    },
    ids: randomIds,
    progress: noProgress,
    ask: undefined,
    signal: controller.signal,
  }
  return { session, pauses, controller }
}

/** Gives or throws each in turn, and the last from then on. */
const inTurn = <Value>(...turns: readonly (Value | Error)[]) => {
  let at = 0
  return async (): Promise<Value> => {
    const turn = turns[Math.min(at++, turns.length - 1)]
    if (turn instanceof Error || turn === undefined) throw turn
    return turn
  }
}

const clientThat = (show: () => Promise<Operation>): Pick<ApiClient, 'operations'> => ({
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- all that waiting asks
  operations: { show } as unknown as ApiClient['operations'],
})

describe('issue', () => {
  it.each([
    ['lost', unreachable('ECONNRESET')],
    ['not given by what is before the API', new RequestError('unavailable', 'status 500', { status: 500 })],
  ])('repeats a request whose answer was %s, with the same key', async (_, error) => {
    const { session } = setUp()
    const keys: (string | undefined)[] = []
    const ask = inTurn<Operation>(error, queued)
    const issued = await issue(session, ({ idempotencyKey }: Asked) => {
      keys.push(idempotencyKey)
      return ask()
    })
    expect(issued).toBe(queued)
    expect(keys[0]).toMatch(/^request-[0-9a-f]{16}$/)
    expect(keys).toEqual([keys[0], keys[0]])
  })

  it.each([
    ['at once where nobody listens', unreachable('ECONNREFUSED'), 0],
    ['at once when it is refused', new RequestError('conflict', 'no'), 0],
    ['after three tries', unreachable('ECONNRESET'), 2],
  ])('gives up %s', async (_when, error, pausesMade) => {
    const { session, pauses } = setUp()
    await expect(issue(session, inTurn<Operation>(error))).rejects.toBe(error)
    expect(pauses).toHaveLength(pausesMade)
  })
})

describe('waitFor', () => {
  it('asks less and less often, and goes on over a restart of the service', async () => {
    const { session, pauses } = setUp()
    const running = { ...queued, state: 'running' as const }
    const ended = { ...queued, state: 'succeeded' as const }
    const looks = [...Array.from({ length: 8 }, () => running), unreachable('ECONNREFUSED'), ended]
    const waited = await waitFor(session, clientThat(inTurn<Operation>(...looks)), queued)
    expect(waited).toEqual({ kind: 'ended', operation: ended })
    expect(pauses.slice(0, 2)).toEqual([500, 625])
    expect(Math.max(...pauses)).toBe(2000)
  })

  it('gives up on a service that does not come back', async () => {
    const { session, pauses } = setUp()
    const lost = unreachable('ECONNREFUSED')
    await expect(waitFor(session, clientThat(inTurn<Operation>(lost)), queued)).rejects.toBe(lost)
    expect(pauses.length).toBeGreaterThan(10)
  })
})

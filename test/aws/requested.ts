/**
 * @module requested: scenarios of requests to the API: a client that gets no answer asks again.
 */
import { RequestError } from '#lib/api/requests.ts'
import { passQuarter, type Scenario } from './scenarios.ts'
import type { Estate } from './small-estate.ts'

const tries = 3

/** As clients do: once more, where there was no answer of Drover's. */
export const untilAnswered = async (work: () => Promise<unknown>): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      await work()
      return
    } catch (error) {
      const isNoAnswer = error instanceof RequestError && (error.status ?? 500) >= 500
      if (isNoAnswer && attempt < tries) continue
      throw error
    }
  }
}

/** A command that was lost on the way is sent again. */
const reconciled = async (estate: Estate): Promise<void> => {
  await passQuarter(estate)
  await estate.aws.reconcile()
}

export const request = (
  name: string,
  leaves: readonly RegExp[],
  work: (estate: Estate) => Promise<() => Promise<unknown>>,
  after: (estate: Estate) => Promise<void> = reconciled,
): Scenario => ({
  name,
  leaves,
  of: 'api',
  arrange: async (estate) => {
    const ask = await work(estate)
    return async () => {
      await untilAnswered(ask)
      await after(estate)
    }
  },
})

/** Of requests that send no command. */
export const nothingMore = async (): Promise<void> => {}

/** What is told of what was done before, by a request or a call whose answer was lost. */
export const unless = (codes: readonly string[]) => (error: unknown) => {
  if (!(error instanceof RequestError) || !codes.includes(error.code)) throw error
}

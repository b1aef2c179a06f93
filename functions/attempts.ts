/**
 * @module attempts: several things, each tried whatever became of the others; that some failed is thrown at the end.
 */
import type { Log } from '#lib/base/log.ts'
import { FunctionError } from './function-error.ts'

export interface Attempts {
  /** What fails is logged. */
  make(what: string, work: () => Promise<void>): Promise<void>
  /** @throws FunctionError `incomplete`, when one or more failed. */
  finish(): void
}

export const attempts = (log: Log): Attempts => {
  const failures: { what: string; error: unknown }[] = []
  return {
    make: async (what, work) => {
      try {
        await work()
      } catch (error) {
        log.error(`${what} failed`, { error: String(error) })
        failures.push({ what, error })
      }
    },
    finish: () => {
      if (failures.length === 0) return
      const told = failures.map(({ what, error }) => `${what} failed: ${String(error)}`).join('; ')
      const cause =
        failures.length === 1 ? failures[0]?.error : new AggregateError(failures.map(({ error }) => error))
      throw new FunctionError('incomplete', told, { cause })
    },
  }
}

/**
 * @module cleanups: what a test made is removed in reverse order, all of it, also after a failure.
 */
export interface Cleanups {
  add(remove: () => Promise<unknown> | void): void
  /** Each is tried, whatever the others did. @throws AggregateError */
  run(): Promise<void>
}

export const cleanups = (): Cleanups => {
  const removals: (() => Promise<unknown> | void)[] = []
  return {
    add: (remove) => void removals.push(remove),
    run: async () => {
      const failures: unknown[] = []
      for (let remove = removals.pop(); remove; remove = removals.pop()) {
        try {
          await remove()
        } catch (error) {
          failures.push(error)
        }
      }
      if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('; '))
    },
  }
}

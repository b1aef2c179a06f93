/**
 * @module concurrency: a bounded number of things at once, over as many as there are.
 */

/**
 * Calls `work` for each item, at most `limit` at a time. The first failure, or the signal, ends it: no further item is begun,
 * those under way are awaited, then it throws.
 */
export const forEachConcurrently = async <Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  options: { limit: number; signal?: AbortSignal | undefined },
  work: (item: Item) => Promise<void>,
): Promise<void> => {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
  const failures: unknown[] = []
  const runner = async () => {
    while (failures.length === 0) {
      options.signal?.throwIfAborted()
      const next = await iterator.next()
      if (next.done) return
      await work(next.value)
    }
  }
  const runners = Array.from({ length: options.limit }, () =>
    runner().catch((error: unknown) => {
      failures.push(error)
    }),
  )
  await Promise.all(runners)
  await iterator.return?.()
  if (failures.length > 0) throw failures[0]
}

/**
 * @module listed: what the service lists, as a command's outcome.
 */
import { tableText, type Column } from './tables.ts'
import type { Outcome } from './terminal.ts'

export interface Listing<Item> {
  columns: readonly Column<Item>[]
  /** For `--quiet`. */
  handle: (item: Item) => string
  /** What is said when there are none. */
  none: string
  /** Those that come first; default: all. */
  limit?: number | undefined
}

export const firstOf = async <Item>(items: AsyncIterable<Item>, limit: number): Promise<Item[]> => {
  const first: Item[] = []
  for await (const item of items) {
    first.push(item)
    if (first.length >= limit) break
  }
  return first
}

export const listed = async <Item>(
  source: AsyncIterable<Item>,
  { columns, handle, none, limit = Infinity }: Listing<Item>,
): Promise<Outcome> => {
  const items = await firstOf(source, limit)
  return {
    json: { items },
    text: items.length === 0 ? none : tableText(items, columns),
    handles: items.map(handle),
  }
}

/**
 * @module item-cursor: where a page of a query ended, as text that callers hand back unread.
 */
import * as z from 'zod'
import { CatalogError } from './catalog-error.ts'
import type { ItemKey } from './item-store.ts'

/** Sort key in the index asked, and the item's own key, since the first need not be unique there. */
const Cursor = z.tuple([z.string(), z.string(), z.string()])

export interface PageEnd {
  sort: string
  key: ItemKey
}

export const encodeCursor = ({ sort, key }: PageEnd): string =>
  Buffer.from(JSON.stringify([sort, key.partition, key.sort])).toString('base64url')

/** @throws CatalogError `invalid-cursor`. */
export const decodeCursor = (text: string): PageEnd => {
  try {
    const [sort, partition, itemSort] = Cursor.parse(JSON.parse(Buffer.from(text, 'base64url').toString()))
    return { sort, key: { partition, sort: itemSort } }
  } catch (cause) {
    throw new CatalogError('invalid-cursor', 'not the end of a page', {
      cause,
      hint: 'begin again without it',
    })
  }
}

/**
 * @module own-put: a put on a condition whose answer may have been lost on the way.
 *
 * A store that did the put, whose answer we never got, refuses when the put is sent again. So "refused" is looked at once more:
 * where the object is, to the byte, what we sent, it is ours. Sound only for content that nobody else would write: it has
 * a random name or etag in it.
 */
import { getBytes, type ObjectStore, type PutCondition } from '#lib/object-store/object-store.ts'

/** The etag of what is stored; `undefined`: refused, and what is there is not ours. */
export const putOwn = async (
  store: ObjectStore,
  key: string,
  bytes: Uint8Array,
  condition: PutCondition,
): Promise<string | undefined> => {
  const result = await store.put(key, bytes, { condition, deadlineMs: 30_000 })
  if (result.kind === 'stored') return result.etag
  const there = await store.head(key)
  if (there?.sizeBytes !== bytes.length) return undefined
  const object = await getBytes(store, key, { maxBytes: bytes.length })
  return object && Buffer.compare(object.bytes, bytes) === 0 ? object.head.etag : undefined
}

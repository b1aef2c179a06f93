/**
 * @module delete-failed: the one error for what a delete of many keys left behind.
 */
import { ObjectStoreError } from './object-store.ts'

export interface DeleteFailure {
  key: string
  /** The store's own word for it: `AccessDenied`, `EACCES`. */
  reason: string
  cause?: unknown
}

/** @throws ObjectStoreError `delete-failed`, naming the first few keys and the first reason. Nothing for no failure. */
export const throwDeleteFailures = (
  description: string,
  keyCount: number,
  failures: readonly DeleteFailure[],
): void => {
  const [first] = failures
  if (!first) return
  const named = failures
    .map(({ key }) => key)
    .toSorted()
    .slice(0, 3)
  const others = failures.length > named.length ? ', …' : ''
  throw new ObjectStoreError(
    'delete-failed',
    `${failures.length} of ${keyCount} objects of ${description} were not deleted (${first.reason}): ${named.join(', ')}${others}`,
    { hint: 'check the right to delete, and that nothing retains the objects', cause: first.cause },
  )
}

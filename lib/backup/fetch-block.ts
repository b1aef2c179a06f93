/**
 * @module fetch-block: gets one block as it is stored; what is missing or too large is an error that names the object.
 */
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import { maxStoredBlockBytes } from '#lib/backupstore/block.ts'
import { getBytes, ObjectStoreError, type ObjectStore } from '#lib/object-store/object-store.ts'

/** @throws BackupstoreError `block-missing`, `invalid-block`; ObjectStoreError. */
export const fetchBlock = async (
  store: Pick<ObjectStore, 'get'>,
  key: string,
  blockSizeBytes: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> => {
  const options = { maxBytes: maxStoredBlockBytes(blockSizeBytes), ...(signal && { signal }) }
  const object = await getBytes(store, key, options).catch((cause: unknown) => {
    if (!(cause instanceof ObjectStoreError) || cause.code !== 'too-large') throw cause
    throw new BackupstoreError(
      'invalid-block',
      `${key} is larger than a block of ${blockSizeBytes} bytes can be`,
      { cause },
    )
  })
  if (object) return object.bytes
  throw new BackupstoreError('block-missing', `${key} is missing`, {
    hint: 'restore what is left with --salvage; the next backup of the volume sends it again if "drover backup verify" has found it',
  })
}

/** Whether a failure says that this block, rather than the store, is what is wrong. */
export const isBadBlock = (error: unknown): error is BackupstoreError =>
  error instanceof BackupstoreError && (error.code === 'block-missing' || error.code === 'invalid-block')

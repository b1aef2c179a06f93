/**
 * @module object-store: the port to where backups are kept: an S3 bucket, a folder, memory.
 *
 * Invariants of every adapter (object-store.contract.ts shows them):
 * - a put that returned `stored` is durable and is seen by every later get, head and list (read-after-write);
 * - no reader ever sees half of a put;
 * - keys are exact: nothing is ever matched by prefix but in `list`;
 * - an outcome that callers expect (no such object, a condition not met) is a value; everything else is an ObjectStoreError.
 *
 * Source of the limits: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html (1,000 keys a request),
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
import { CodedError } from '#lib/base/errors.ts'

export type ObjectStoreErrorCode =
  | 'invalid-key' // empty, absolute, with `.`/`..`/empty parts, NUL, or longer than 1,024 bytes
  | 'access-denied' // the credentials may not do this
  | 'no-bucket' // the bucket or folder itself is not there
  | 'unreachable' // no answer after all retries: DNS, connection, TLS, 5xx
  | 'timeout' // the deadline of this call passed; it may or may not have been done
  | 'no-space' // the store is full
  | 'changed' // the object changed while it was being read
  | 'too-large' // the object is larger than the caller's maxBytes
  | 'delete-failed' // some keys of a deleteMany are still there
  | 'failed' // anything else the store answered; the cause has it

export class ObjectStoreError extends CodedError<ObjectStoreErrorCode> {}

export interface ObjectHead {
  key: string
  sizeBytes: number
  /** Changes with every put. Opaque; compared, never computed. */
  etag: string
  /** Unix time by the server's clock. On S3 whole seconds (the `Last-Modified` of this very object); on a folder the file's mtime. */
  lastModifiedNs: bigint
  /** The server's clock when it answered, so that ages never depend on ours: S3's `Date` header; the clock that sets mtimes of a folder. */
  serverTimeNs: bigint
}

/** Bytes to put. A stream must give the same bytes each time that it is opened, since a put may be retried. */
export type Body =
  | Uint8Array
  | { sizeBytes: number; open: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array> }

export interface CallOptions {
  signal?: AbortSignal
  /** The call, with all its retries, ends within this time: with its result or a `timeout`. Default: the adapter's own, never endless. */
  deadlineMs?: number
}

export interface GetOptions extends CallOptions {
  /** Bytes from `offsetBytes`, at most `lengthBytes`; past the end is cut, as in HTTP. An empty object gives an empty body. */
  range?: { offsetBytes: number; lengthBytes: number }
  /** An object (or range) larger than this is refused with `too-large` before its body is read. */
  maxBytes?: number
}

export interface StoredObject {
  head: ObjectHead
  /** Read it to its end, or call `return()` (leaving a `for await` does). @throws ObjectStoreError `changed` if it is cut short. */
  body: AsyncIterable<Uint8Array>
}

/** What must hold for a put to be done: nothing is stored under the key; or just what the caller knows by its etag is. */
export type PutCondition =
  /** `isRandom`: the key was made up just now, so that an adapter which does not know its server yet need not look first. */
  { kind: 'absent'; isRandom?: true } | { kind: 'unchanged'; etag: string }

export interface PutOptions extends CallOptions {
  condition?: PutCondition
}

export type PutResult = { kind: 'stored'; etag: string; serverTimeNs: bigint } | { kind: 'refused' }

export interface ListedObject {
  key: string
  sizeBytes: number
}

/** One answer of the store: at most 1,000 objects and folders (S3's limit; a folder adapter keeps to it too). */
export interface ListPage {
  objects: ListedObject[]
  /** With `delimiter: '/'`, the "folders" right under the prefix, each with its final `/`. */
  folders: string[]
}

export interface ListOptions extends CallOptions {
  delimiter?: '/'
}

export interface ObjectStore {
  /** For people: `s3://bucket@region/path/`, `file:///path/`; never with credentials. */
  readonly description: string
  /** A listing begun after a put shows it: S3, MinIO, a local folder. False on NFS, whose clients cache folders. */
  readonly listsAfterWrites: boolean
  /** `undefined`: there is no such object. */
  get(key: string, options?: GetOptions): Promise<StoredObject | undefined>
  /** Atomic. A condition is the store's own where it has conditional writes; else it is checked just before the put. */
  put(key: string, body: Body, options?: PutOptions): Promise<PutResult>
  /** Inside the store, without moving the bytes through us. `undefined`: there is no such object. */
  copy(fromKey: string, toKey: string, options?: CallOptions): Promise<{ etag: string } | undefined>
  head(key: string, options?: CallOptions): Promise<ObjectHead | undefined>
  /** Every page is one request. Without a delimiter, all below the prefix, in no promised order. A missing prefix is one empty page or none. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ListPage>
  /** Up to 1,000 exact keys in one request; a missing key counts as deleted. @throws ObjectStoreError `delete-failed`, naming what is left. */
  deleteMany(keys: readonly string[], options?: CallOptions): Promise<void>
}

/** The most keys that one `deleteMany` takes. */
export const maxKeysPerDelete = 1000

const readTries = 5

/** Reads once more, and once more, what was cut short on its way. Opening has the adapter's own retries, with their waits. */
export const readAgain = async <T>(read: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries++) {
    try {
      return await read()
    } catch (error) {
      const isCut = error instanceof ObjectStoreError && error.code === 'changed'
      if (!isCut || tries === readTries) throw error
    }
  }
}

/** Reads a whole small object. `undefined`: there is no such object. @throws ObjectStoreError `too-large` beyond `maxBytes`. */
export const getBytes = async (
  store: Pick<ObjectStore, 'get'>,
  key: string,
  options: GetOptions & { maxBytes: number },
): Promise<{ head: ObjectHead; bytes: Uint8Array } | undefined> =>
  readAgain(async () => {
    const object = await store.get(key, options)
    if (!object) return undefined
    const chunks: Uint8Array[] = []
    for await (const chunk of object.body) chunks.push(chunk)
    return { head: object.head, bytes: chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks) }
  })

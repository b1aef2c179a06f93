/**
 * @module object-body: bytes on their way into a store and out of it.
 */
import { type Body, type GetOptions, ObjectStoreError } from './object-store.ts'

export const bodySizeBytes = (body: Body): number =>
  body instanceof Uint8Array ? body.byteLength : body.sizeBytes

/** What the caller's own stream threw, so that nobody takes it for an answer of the store. The caller gets the cause. */
export class BodyError extends Error {}

export const ownError = (error: unknown): unknown => (error instanceof BodyError ? error.cause : error)

const opened = async function* (open: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
  try {
    yield* open()
  } catch (error) {
    throw new BodyError('the stream to put failed', { cause: error })
  }
}

const wrongSize = (key: string, sizeBytes: number, promised: number) =>
  new BodyError('the stream to put has the wrong size', {
    cause: new ObjectStoreError(
      'failed',
      `body of ${key} has ${sizeBytes} bytes, not the ${promised} it was said to`,
    ),
  })

/**
 * Opens a body anew. Holds each chunk back until the next one comes, so that a store has never got a whole body before it is
 * known to be right. @throws BodyError also if it is shorter or longer than it says.
 */
export const bodyChunks = async function* (key: string, body: Body): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) {
    yield body
    return
  }
  let sizeBytes = 0
  let held: Uint8Array | undefined
  for await (const chunk of opened(body.open)) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > body.sizeBytes) throw wrongSize(key, sizeBytes, body.sizeBytes)
    if (held) yield held
    held = chunk
  }
  if (sizeBytes < body.sizeBytes) throw wrongSize(key, sizeBytes, body.sizeBytes)
  if (held) yield held
}

/** What of an object a range asks for; past the end is cut. */
export const clampRange = (
  sizeBytes: number,
  range: GetOptions['range'],
): { offsetBytes: number; lengthBytes: number } => {
  const offsetBytes = Math.min(range?.offsetBytes ?? 0, sizeBytes)
  return { offsetBytes, lengthBytes: Math.min(range?.lengthBytes ?? sizeBytes, sizeBytes - offsetBytes) }
}

/** @throws ObjectStoreError `too-large`. */
export const checkMaxBytes = (key: string, lengthBytes: number, options: GetOptions | undefined): void => {
  if (lengthBytes <= (options?.maxBytes ?? Infinity)) return
  throw new ObjectStoreError(
    'too-large',
    `${key} has ${lengthBytes} bytes, more than the ${options?.maxBytes} expected`,
  )
}

export const changedWhileRead = (
  key: string,
  readBytes: number,
  lengthBytes: number,
  options: { cause?: unknown } = {},
): ObjectStoreError =>
  new ObjectStoreError('changed', `${key} ended after ${readBytes} of ${lengthBytes} bytes`, {
    hint: 'the object changed or the connection broke; read it again',
    ...options,
  })

/**
 * A body over what must be closed: at its end, at a failure, or when the reader leaves. A generator would not do, since one
 * that was never begun runs no `finally`.
 */
export const closingBody = (source: {
  /** `undefined` at the end. */
  next: () => Promise<Uint8Array | undefined>
  close: () => Promise<void>
}): AsyncIterable<Uint8Array> => {
  let isOpen = true
  const end = async (): Promise<IteratorReturnResult<undefined>> => {
    if (isOpen) {
      isOpen = false
      await source.close()
    }
    return { done: true, value: undefined }
  }
  const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
    if (!isOpen) return { done: true, value: undefined }
    try {
      const chunk = await source.next()
      return chunk ? { done: false, value: chunk } : await end()
    } catch (error) {
      await end()
      throw error
    }
  }
  const iterator: AsyncIterator<Uint8Array, undefined> = { next, return: end }
  return { [Symbol.asyncIterator]: () => iterator }
}

/**
 * @module s3-body: the streams of the SDK, in and out.
 */
import { Readable } from 'node:stream'
import { type Call, stepsWithinLimits } from './call-limits.ts'
import { bodyChunks, changedWhileRead, closingBody } from './object-body.ts'
import { type Body, ObjectStoreError } from './object-store.ts'

/**
 * The body of an answer. Its stream may break before anybody reads it, which must not end the process.
 * @throws ObjectStoreError `changed` if it is cut short.
 */
export const answerBody = (
  call: Call,
  key: string,
  stream: Readable,
  lengthBytes: number,
): AsyncIterable<Uint8Array> => {
  stream.on('error', () => {})
  const step = stepsWithinLimits(call)
  let chunks: AsyncIterator<Uint8Array> | undefined
  let readBytes = 0
  const next = async (): Promise<Uint8Array | undefined> => {
    chunks ??= stream[Symbol.asyncIterator]()
    const { done, value } = await chunks.next()
    if (!done) {
      readBytes += value.byteLength
      return value
    }
    if (readBytes !== lengthBytes) throw changedWhileRead(key, readBytes, lengthBytes)
    return undefined
  }
  return closingBody({
    next: () =>
      step(() =>
        next().catch((cause: unknown) => {
          throw cause instanceof ObjectStoreError
            ? cause
            : changedWhileRead(key, readBytes, lengthBytes, { cause })
        }),
      ),
    close: async () => {
      stream.destroy()
    },
  })
}

/**
 * Opens a body for one attempt of `send`, and closes it after. A stream that fails cancels the request, which would else wait
 * for the rest of it for ever. @throws BodyError for the body's own failure.
 */
export const withBody = async <T>(
  key: string,
  body: Body,
  signal: AbortSignal,
  send: (body: Uint8Array | Readable, signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  if (body instanceof Uint8Array) return send(body, signal)
  const controller = new AbortController()
  const stop = () => controller.abort(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  const stream = Readable.from(bodyChunks(key, body), { objectMode: false })
  let failure: { error: unknown } | undefined
  stream.on('error', (error) => {
    failure ??= { error }
    controller.abort(error)
  })
  try {
    return await send(stream, controller.signal)
  } catch (error) {
    throw failure ? failure.error : error
  } finally {
    signal.removeEventListener('abort', stop)
    stream.destroy()
  }
}

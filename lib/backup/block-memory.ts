/**
 * @module block-memory: the memory of blocks moves between threads without a copy, and is given back as soon as nobody needs it.
 *
 * V8 counts buffers as part of its heap. Left to the garbage collector, the blocks of a backup make it mark the whole heap fifty
 * times a GiB, which costs a sixth of the CPU time, and memory piles up in between.
 */

/** The buffer of a whole array moves to another thread without a copy; a part of a buffer is copied. */
export const wholeBuffers = (bytes: Uint8Array | undefined): ArrayBuffer[] =>
  bytes?.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength ? [bytes.buffer] : []

/** Only for who knows that nobody else has the buffer. The array is empty afterwards. Safe to repeat. */
export const freeMemory = (bytes: Uint8Array): void => {
  for (const buffer of wholeBuffers(bytes)) if (!buffer.detached) buffer.transfer(0)
}

/** Buffers that came from a thread: nobody else has them. */
const own = new WeakSet<ArrayBufferLike>()

export const ownBlock = (bytes: Uint8Array): void => {
  own.add(bytes.buffer)
}

/** Leaves a block alone that is not owned. */
export const freeOwnBlock = (bytes: Uint8Array): void => {
  if (own.delete(bytes.buffer)) freeMemory(bytes)
}

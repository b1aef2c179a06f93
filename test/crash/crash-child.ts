/**
 * @module crash-child: a process that performs one operation on a real folder, and kills itself at a store call.
 *
 * Its argument is a `ChildOrder` as JSON. If it lives to its end it prints its calls, `["put","list",…]`.
 */
import * as z from 'zod'
import { folderObjectStore } from '#lib/object-store/folder-object-store.ts'
import type { Body, ObjectStore } from '#lib/object-store/object-store.ts'
import { operationNames, perform } from './file-operations.ts'

const ChildOrder = z.object({
  operation: z.enum(operationNames),
  folder: z.string(),
  /** These three are as in `FileWorld`. */
  images: z.string(),
  outputs: z.string(),
  time: z.string(),
  /** From 1; 0: it lives. */
  call: z.int(),
  /** `half`: with half of a body written, or half of the keys deleted. */
  when: z.enum(['before', 'half', 'after']),
})
export type ChildOrder = z.infer<typeof ChildOrder>

/** The signal ends all threads at once; nothing after it runs. */
const die = (): never => {
  process.kill(process.pid, 'SIGKILL')
  for (;;);
}

const bytesOf = async (body: Body): Promise<Uint8Array> => {
  if (body instanceof Uint8Array) return body
  const chunks: Uint8Array[] = []
  for await (const chunk of body.open()) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const deadlyBody = async (body: Body): Promise<Body> => {
  const bytes = await bytesOf(body)
  return {
    sizeBytes: bytes.length,
    async *open() {
      const half = Math.floor(bytes.length / 2)
      yield bytes.subarray(0, half)
      yield bytes.subarray(half, -1)
      // The store holds a chunk back until it has the next, so only the first half is in the file.
      die()
    },
  }
}

/** Kills this process at the order's call. */
const deadlyStore = (store: ObjectStore, { call, when }: ChildOrder) => {
  const calls: string[] = []
  const at = async <T>(
    method: keyof ObjectStore,
    whole: () => Promise<T>,
    half: () => Promise<unknown> = async () => {},
  ): Promise<T> => {
    calls.push(method)
    if (calls.length !== call) return whole()
    if (when === 'half') await half()
    if (when === 'after') await whole()
    return die()
  }
  const deadly: ObjectStore = {
    ...store,
    get: (key, options) => at('get', () => store.get(key, options)),
    head: (key, options) => at('head', () => store.head(key, options)),
    copy: (from, to, options) => at('copy', () => store.copy(from, to, options)),
    put: (key, body, options) =>
      at(
        'put',
        () => store.put(key, body, options),
        async () => store.put(key, await deadlyBody(body), options),
      ),
    deleteMany: (keys, options) =>
      at(
        'deleteMany',
        () => store.deleteMany(keys, options),
        () => store.deleteMany(keys.slice(0, keys.length / 2), options),
      ),
    list: async function* (prefix, options) {
      for await (const page of store.list(prefix, options)) yield await at('list', async () => page)
    },
  }
  return { store: deadly, calls }
}

const order = ChildOrder.parse(JSON.parse(process.argv[2] ?? ''))
const deadly = deadlyStore(folderObjectStore({ folder: order.folder }), order)
await perform(order.operation, { ...order, store: deadly.store }, false)
console.log(JSON.stringify(deadly.calls))

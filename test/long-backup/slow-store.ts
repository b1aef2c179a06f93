/**
 * @module slow-store: what stands between Drover and an S3 server: each block takes its time, and is counted.
 */
import { once } from 'node:events'
import { createServer, request as requestTo } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

export interface SlowStore {
  endpoint: string
  /** Of blocks, when they came. */
  readonly putAtMs: readonly number[]
  /** What each block waits for. */
  delayMs: number
  stop(): Promise<void>
}

/** The host that was signed is passed on as it is. */
export const startSlowStore = async (endpoint: string): Promise<SlowStore> => {
  const { hostname, port } = new URL(endpoint)
  const putAtMs: number[] = []
  const store = { delayMs: 0 }
  const server = createServer((incoming, outgoing) => {
    const pass = async (): Promise<void> => {
      if (incoming.method === 'PUT' && incoming.url?.includes('.blk')) {
        putAtMs.push(Date.now())
        await delay(store.delayMs)
      }
      const { method, url, headers } = incoming
      const onward = requestTo({ hostname, port, method, path: url, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      })
      onward.on('error', () => outgoing.destroy())
      outgoing.on('close', () => onward.destroy())
      incoming.pipe(onward)
    }
    void pass()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const ownPort = typeof address === 'object' ? address?.port : undefined
  return Object.assign(store, {
    endpoint: `http://127.0.0.1:${ownPort}`,
    putAtMs,
    stop: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  })
}

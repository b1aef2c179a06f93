/**
 * @module recording-proxy: between a client and an S3 server: keeps what was asked and how it was answered, and answers by order.
 */
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http'

export interface Recorded {
  /** As policies name it; of an STS, `AssumeRole`. */
  action: string
  /** Of an object its key, of a listing its prefix. */
  on: string
  method: string
  status: number
  /** The access key that signed it. */
  signedBy: string
}

export interface RecordingProxy {
  endpoint: string
  recorded: Recorded[]
  /** Of a request that is not to get through: its status and S3's code. */
  refuse: (request: Omit<Recorded, 'status'>) => { status: number; code: string } | undefined
  stop: () => Promise<void>
}

const actions: Record<string, string> = {
  GET: 'GetObject',
  HEAD: 'GetObject',
  PUT: 'PutObject',
  DELETE: 'DeleteObject',
}

const seen = ({ method = '', url = '', headers }: IncomingMessage): Omit<Recorded, 'status'> => {
  const { pathname, searchParams } = new URL(url, 'http://proxy')
  const signedBy = /Credential=([^/]+)/.exec(headers.authorization ?? '')?.[1] ?? ''
  const [, , ...parts] = pathname.split('/')
  const key = decodeURIComponent(parts.join('/'))
  if (method === 'POST')
    return { method, signedBy, on: key, action: pathname === '/' ? 'AssumeRole' : 'DeleteObjects' }
  if (key === '') return { method, signedBy, on: searchParams.get('prefix') ?? '', action: 'ListBucket' }
  return { method, signedBy, on: key, action: actions[method] ?? method }
}

const refusal = (code: string): string => `<Error><Code>${code}</Code><Message>as ordered</Message></Error>`

/** The host that was signed is the proxy's own: what is behind it takes any. */
export const startRecordingProxy = async (to: string): Promise<RecordingProxy> => {
  const behind = new URL(to)
  const recorded: Recorded[] = []
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const what = seen(incoming)
    const refused = proxy.refuse(what)
    if (refused) {
      recorded.push({ ...what, status: refused.status })
      incoming.resume()
      incoming.once('end', () => {
        outgoing.writeHead(refused.status, { 'content-type': 'application/xml' })
        outgoing.end(what.method === 'HEAD' ? undefined : refusal(refused.code))
      })
      return
    }
    const { method, url, headers } = incoming
    const options = { host: behind.hostname, port: behind.port, method, path: url, headers }
    const passed = forward(options, (response) => {
      recorded.push({ ...what, status: response.statusCode ?? 0 })
      outgoing.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(outgoing)
    })
    passed.once('error', () => outgoing.destroy())
    incoming.pipe(passed)
  }
  const server = createServer(answer)
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening)
  })
  const address = server.address()
  if (!address || typeof address === 'string') throw new Error('no port')
  const proxy: RecordingProxy = {
    endpoint: `http://127.0.0.1:${address.port}`,
    recorded,
    refuse: () => undefined,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((closed) => {
        server.close(closed)
      })
    },
  }
  return proxy
}

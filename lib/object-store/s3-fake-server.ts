/**
 * @module s3-fake-server: a server for tests of what MinIO can't do: fail by order, and have no conditional writes.
 *
 * It knows no signatures, listings or bulk deletes; for all that works, MinIO is the judge.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

export interface FakeS3 {
  endpoint: string
  /** Of each request: `PUT /bucket/key`, with the conditions it bore. */
  log: string[]
  objects: Map<string, Buffer>
  /** The next requests are answered by these, first come first served. `undefined`: as usual. */
  next: (FakeAnswer | undefined)[]
  stop(): Promise<void>
}

export type FakeAnswer = (request: IncomingMessage, response: ServerResponse) => void

export const answerError =
  (status: number, code: string): FakeAnswer =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/xml' })
    response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>as ordered</Message></Error>`)
  }

const etagOf = (bytes: Buffer): string => `"${createHash('md5').update(bytes).digest('hex')}"`

const read = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

const lineOf = ({ method, url, headers }: IncomingMessage): string => {
  const conditions = [headers['if-none-match'], headers['if-match']].filter((one) => one !== undefined)
  return [method, (url ?? '').split('?')[0], ...conditions].join(' ')
}

const put = (conditions: 'ignored' | 'not implemented', objects: Map<string, Buffer>, bytes: Buffer) => {
  const answer: FakeAnswer = (request, response) => {
    const isConditional = request.headers['if-none-match'] ?? request.headers['if-match']
    if (isConditional && conditions === 'not implemented') {
      answerError(501, 'NotImplemented')(request, response)
      return
    }
    objects.set(request.url?.split('?')[0] ?? '', bytes)
    response.writeHead(200, { etag: etagOf(bytes) }).end()
  }
  return answer
}

const getOrHead =
  (objects: Map<string, Buffer>): FakeAnswer =>
  (request, response) => {
    const bytes = objects.get(request.url?.split('?')[0] ?? '')
    if (!bytes) {
      answerError(404, 'NoSuchKey')(request, response)
      return
    }
    const lastModified = new Date().toUTCString()
    response.writeHead(200, {
      etag: etagOf(bytes),
      'content-length': bytes.length,
      'last-modified': lastModified,
    })
    response.end(request.method === 'GET' ? bytes : undefined)
  }

export const startFakeS3 = async (conditions: 'ignored' | 'not implemented'): Promise<FakeS3> => {
  const objects = new Map<string, Buffer>()
  const log: string[] = []
  const next: (FakeAnswer | undefined)[] = []
  const server = createServer((request, response) => {
    log.push(lineOf(request))
    const ordered = next.shift()
    if (ordered) ordered(request, response)
    else if (request.method !== 'PUT') getOrHead(objects)(request, response)
    else {
      read(request).then(
        (bytes) => put(conditions, objects, bytes)(request, response),
        () => response.destroy(),
      )
    }
  })
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening)
  })
  const address = server.address()
  if (!address || typeof address === 'string') throw new Error('no port')
  const stop = async () => {
    server.closeAllConnections()
    await new Promise((closed) => {
      server.close(closed)
    })
  }
  return { endpoint: `http://127.0.0.1:${address.port}`, log, objects, next, stop }
}

/**
 * @module aws-proxy: stands between a process and the servers that answer for AWS: sees each call, and may answer it in their place,
 * or have the process die before or after it.
 */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { awsCallOf, type AwsCall, type AwsService } from './aws-calls.ts'

export interface Answer {
  status: number
  body: unknown
}

export interface Answered {
  status: number
  /** Whether the call was signed by that key. */
  isOwn: (accessKeyId: string) => boolean
}

export interface AwsProxySettings {
  /** Where calls go. Its Host header stays as the process signed it. */
  upstreamOf: (call: AwsCall) => string
  /** Before a call goes on; an answer stands for the server's. */
  before?: ((call: AwsCall) => Promise<Answer | undefined>) | undefined
  /** When the server has answered, and the process does not know it yet. */
  after?: ((call: AwsCall, answered: Answered) => Promise<void>) | undefined
}

export interface AwsProxy {
  url: string
  stop(): Promise<void>
}

const bodyOf = async (stream: IncomingMessage): Promise<Buffer> => Buffer.concat(await stream.toArray())

/** Each service's errors are JSON here, but STS's and S3's, which nobody makes up. */
const contentTypes: Partial<Record<AwsService, string>> = {
  dynamodb: 'application/x-amz-json-1.0',
  sqs: 'application/x-amz-json-1.0',
  events: 'application/x-amz-json-1.1',
  secretsmanager: 'application/x-amz-json-1.1',
}

const forward = (
  to: string,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(to)
    const asked = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
      bodyOf(answer).then(
        (bytes) => resolve({ status: answer.statusCode ?? 500, headers: answer.headers, body: bytes }),
        reject,
      )
    })
    asked.on('error', reject)
    asked.end(body)
  })

const serve = async (
  { upstreamOf, before, after }: AwsProxySettings,
  asked: IncomingMessage,
  answer: ServerResponse,
): Promise<void> => {
  const { method = '', url = '', headers } = asked
  const body = await bodyOf(asked)
  const call = awsCallOf({ method, path: url, headers, body })
  const ours = await before?.(call)
  if (ours) {
    answer.writeHead(ours.status, { 'content-type': contentTypes[call.service] ?? 'application/xml' })
    answer.end(typeof ours.body === 'string' ? ours.body : JSON.stringify(ours.body))
    return
  }
  const theirs = await forward(upstreamOf(call), asked, body)
  const isOwn = (key: string) => (headers.authorization ?? '').includes(`Credential=${key}/`)
  await after?.(call, { status: theirs.status, isOwn })
  const { 'transfer-encoding': _, ...kept } = theirs.headers
  answer.writeHead(theirs.status, kept)
  answer.end(method === 'HEAD' ? undefined : theirs.body)
}

export const startAwsProxy = async (settings: AwsProxySettings): Promise<AwsProxy> => {
  const server = createServer((asked, answer) => {
    // Whoever asked may be dead by now.
    serve(settings, asked, answer).catch(() => answer.destroy())
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((listening) => {
    server.listen(0, '127.0.0.1', listening)
  })
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('no address')
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: async () => {
      const closed = new Promise((done) => {
        server.close(done)
      })
      server.closeAllConnections()
      await closed
    },
  }
}

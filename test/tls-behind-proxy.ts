/**
 * @module tls-behind-proxy: a service as machines elsewhere reach it: over TLS, by a name that only a proxy knows, with a certificate
 * of a private authority.
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { serve } from '@hono/node-server'

/** Of a domain that nobody ever has. */
const hostname = 'drover.test'

export interface TlsBehindProxy {
  url: string
  proxyUrl: string
  /** Of the authority, as PEM. */
  caPath: string
  /** What the proxy was asked to connect to. */
  connected: string[]
  stop: () => Promise<void>
}

const makeCertificate = (folder: string): { keyPath: string; caPath: string } => {
  const [keyPath, caPath] = [join(folder, 'key.pem'), join(folder, 'ca.pem')]
  const key = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1'.split(' ')
  const name = ['-subj', `/CN=${hostname}`, '-addext', `subjectAltName=DNS:${hostname}`]
  execFileSync('openssl', [...key, ...name, '-keyout', keyPath, '-out', caPath], { stdio: 'ignore' })
  return { keyPath, caPath }
}

const portOf = (server: { address(): AddressInfo | string | null }): number => {
  const address = server.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

/** It takes every name for the service's. */
const startProxy = async (port: number, connected: string[]) => {
  const sockets = new Set<Socket>()
  const proxy: Server = createServer((_request, response) => response.writeHead(405).end())
  proxy.on('connect', ({ url = '' }, client: Socket, head: Buffer) => {
    connected.push(url)
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.write(head)
      upstream.pipe(client).pipe(upstream)
    })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
    }
  })
  await once(proxy.listen(0, '127.0.0.1'), 'listening')
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => {
      proxy.close(resolve)
      proxy.closeAllConnections()
    })
  }
  return { url: `http://127.0.0.1:${portOf(proxy)}`, stop }
}

/** `folder` is for its certificate. It takes openssl. */
export const tlsBehindProxy = async (
  folder: string,
  fetch: (request: Request) => Response | Promise<Response>,
): Promise<TlsBehindProxy> => {
  const { keyPath, caPath } = makeCertificate(folder)
  const server = serve({
    fetch,
    createServer: createTlsServer,
    serverOptions: { key: readFileSync(keyPath), cert: readFileSync(caPath) },
    hostname: '127.0.0.1',
    port: 0,
  })
  await once(server, 'listening')
  const connected: string[] = []
  const proxy = await startProxy(portOf(server), connected)
  return {
    url: `https://${hostname}`,
    proxyUrl: proxy.url,
    caPath,
    connected,
    stop: async () => {
      await proxy.stop()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

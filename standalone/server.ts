/**
 * @module server: the API over HTTP, or HTTPS with a certificate.
 */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer as createHttpsServer } from 'node:https'
import { createAdaptorServer } from '@hono/node-server'
import type { ApiApp } from '#lib/api/routing.ts'
import { StandaloneError } from './standalone-error.ts'

export interface ListenSettings {
  host: string
  /** 0: any that is free. */
  port: number
  tls?: { certificate: string; key: string } | undefined
}

export interface Server {
  url: string
  close(): Promise<void>
}

/** Longer than clients and proxies keep a connection that is idle, so that none is closed as it is used again. */
const keepAliveMs = 75_000

const noListen = ({ host, port }: ListenSettings, error: NodeJS.ErrnoException): StandaloneError =>
  new StandaloneError('no-listen', `cannot listen on ${host}:${port}: ${error.code ?? error.message}`, {
    cause: error,
    hint:
      error.code === 'EADDRINUSE'
        ? 'something else listens there; give another with --listen 127.0.0.1:8781'
        : 'give an address of this machine, with --listen <address>:<port>',
  })

/** @throws StandaloneError `wrong-usage`. */
const readPem = async (path: string, option: string): Promise<Buffer> => {
  try {
    return await readFile(path)
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new StandaloneError('wrong-usage', `cannot read ${path}, which ${option} names: ${reason}`, {
      cause: error,
      hint: `give ${option} a PEM file that whoever runs the service may read`,
    })
  }
}

const shownHost = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/** @throws StandaloneError `no-listen`, `wrong-usage`. */
export const startServer = async (app: ApiApp, settings: ListenSettings): Promise<Server> => {
  const { host, port, tls } = settings
  const server = createAdaptorServer({
    fetch: app.fetch,
    ...(tls && {
      createServer: createHttpsServer,
      serverOptions: {
        cert: await readPem(tls.certificate, '--tls-certificate'),
        key: await readPem(tls.key, '--tls-key'),
      },
    }),
  })
  if ('keepAliveTimeout' in server) server.keepAliveTimeout = keepAliveMs
  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what listen fails with
    throw noListen(settings, error as NodeJS.ErrnoException)
  }
  const address = server.address()
  const actual = typeof address === 'object' && address ? address.port : port
  return {
    url: `${tls ? 'https' : 'http'}://${shownHost(host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host)}:${actual}`,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      if ('closeAllConnections' in server) server.closeAllConnections()
      await closed
    },
  }
}

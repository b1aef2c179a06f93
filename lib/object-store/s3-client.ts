/**
 * @module s3-client: the AWS SDK's client, set up as Longhorn's is (`longhorn backupstore s3.go`), so that what one of the two
 * reaches the other does.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { createSecureContext, getCACertificates } from 'node:tls'
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { httpAgents } from '#lib/base/http-agents.ts'
import { ObjectStoreError } from './object-store.ts'

export interface S3ClientSettings {
  region: string
  /** `AWS_ENDPOINTS`: the base URL of another server than AWS's. */
  endpoint?: string | undefined
  /** `VIRTUAL_HOSTED_STYLE`. Default: path style where there is an endpoint. */
  virtualHostedStyle?: boolean | undefined
  /** Default: the SDK's chain of environment, files and instance metadata. */
  credentials?: NonNullable<S3ClientConfig['credentials']> | undefined
  /** `AWS_CERT`: a bundle trusted besides the system's. */
  caPem?: string | undefined
  /** `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`. Never taken from the environment by itself. */
  proxy?: S3Proxy | undefined
}

export interface S3Proxy {
  httpProxy?: string | undefined
  httpsProxy?: string | undefined
  noProxy?: string | undefined
}

const maxSockets = 64
const connectionTimeoutMs = 10_000
/** A connection on which nothing moves is given up, so that its request is sent again. */
const idleTimeoutMs = 60_000

const silent = () => {}
const logger = { trace: silent, debug: silent, info: silent, warn: silent, error: silent }

/** @throws ObjectStoreError `failed`: a bundle with a bad certificate would else be dropped without a word. */
const secureContext = (caPem: string) => {
  try {
    const certificates = caPem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
    if (certificates.length === 0) throw new Error('no certificate in it')
    for (const certificate of certificates) new X509Certificate(certificate).toString()
    return createSecureContext({ ca: [...getCACertificates('default'), ...certificates] })
  } catch (cause) {
    throw new ObjectStoreError('failed', 'the CA bundle is not one of PEM certificates', {
      hint: 'check AWS_CERT',
      cause,
    })
  }
}

/** By which a service's client reaches it: over a proxy, and past a CA of one's own. */
export const requestHandler = ({
  caPem,
  proxy,
}: Pick<S3ClientSettings, 'caPem' | 'proxy'>): NodeHttpHandler => {
  const proxyEnv = proxy && {
    HTTP_PROXY: proxy.httpProxy,
    HTTPS_PROXY: proxy.httpsProxy,
    NO_PROXY: proxy.noProxy,
  }
  return new NodeHttpHandler({
    ...httpAgents({ maxSockets, proxyEnv, secureContext: caPem ? secureContext(caPem) : undefined }),
    connectionTimeout: connectionTimeoutMs,
    socketTimeout: idleTimeoutMs,
    logger,
  })
}

const isHttpRequest = (request: unknown): request is { headers: Record<string, string>; body: unknown } =>
  typeof request === 'object' && request !== null && 'headers' in request && 'body' in request

/** DeleteObjects must bear a checksum. The SDK's is a CRC32, which servers older than it refuse; all know Content-MD5. */
const addContentMd5 = (client: S3Client): void => {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const { request } = args
      if (
        context.commandName === 'DeleteObjectsCommand' &&
        isHttpRequest(request) &&
        (typeof request.body === 'string' || request.body instanceof Uint8Array)
      ) {
        request.headers['content-md5'] = createHash('md5').update(request.body).digest('base64')
      }
      return next(args)
    },
    { step: 'build', priority: 'low', name: 'droverContentMd5' },
  )
}

/** It does not retry: s3-requests.ts does, since only that can open a stream again. */
export const s3Client = (settings: S3ClientSettings): S3Client => {
  const { region, endpoint, virtualHostedStyle, credentials } = settings
  const config: S3ClientConfig = {
    region,
    forcePathStyle: virtualHostedStyle === undefined ? endpoint !== undefined : !virtualHostedStyle,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // The SDK opens a new connection for each request that waits for "100 Continue", which is every block.
    expectContinueHeader: false,
    maxAttempts: 1,
    requestHandler: requestHandler(settings),
    logger,
  }
  if (endpoint !== undefined) config.endpoint = endpoint
  if (credentials !== undefined) config.credentials = credentials
  const client = new S3Client(config)
  addContentMd5(client)
  return client
}

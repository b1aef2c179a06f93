/**
 * @module sqs-client: the AWS SDK's client for queues.
 */
import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs'
import { httpAgents } from '#lib/base/http-agents.ts'

export interface SqsClientSettings {
  /** Default: the SDK's, `AWS_REGION`. */
  region?: string | undefined
  /** The base URL of another server than AWS's. */
  endpoint?: string | undefined
  /** Default: the SDK's chain; in Lambda, the function's role. */
  credentials?: NonNullable<SQSClientConfig['credentials']> | undefined
  maxAttempts?: number | undefined
  /** For agents behind a proxy: `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`. Never taken from the environment by itself. */
  proxyEnv?: Readonly<Record<string, string | undefined>> | undefined
}

/** Throttled, the SDK waits random parts of 1, 2, 4, 8 s; after other failures a tenth of that. */
const defaultMaxAttempts = 5

const maxSockets = 64

/** The SDK has no limits of its own, and would wait on a connection that broke without a word. Nothing moves during a long poll of 20 s. */
const limits = { connectionTimeout: 5000, socketTimeout: 30_000 }

/** What the SDK's standard mode asks again by itself: throttling, 5xx, lost connections, time-outs, a corrected clock. */
export const sqsClient = (settings: SqsClientSettings = {}): SQSClient => {
  const { region, endpoint, credentials, maxAttempts = defaultMaxAttempts, proxyEnv } = settings
  return new SQSClient({
    retryMode: 'standard',
    maxAttempts,
    requestHandler: { ...limits, ...httpAgents({ maxSockets, proxyEnv }) },
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
  })
}

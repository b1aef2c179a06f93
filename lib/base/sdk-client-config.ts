/**
 * @module sdk-client-config: how the AWS SDK's clients of small requests are made: how long they wait, how often they ask.
 */
export interface SdkClientSettings<Credentials> {
  /** Default: the SDK's, `AWS_REGION`. */
  region?: string | undefined
  /** The base URL of another server than AWS's. */
  endpoint?: string | undefined
  /** Default: the SDK's chain; in Lambda, the function's role. */
  credentials?: Credentials | undefined
  maxAttempts?: number | undefined
}

/**
 * Throttled, the SDK waits random parts of 1, 2, 4, 8 s: all within the 29 s that API Gateway waits for an answer.
 * Source: `@smithy/core` util-retry; https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
 */
const defaultMaxAttempts = 5

/** The SDK has no limits of its own, and would wait on a connection that broke without a word. */
const limits = {
  connectionTimeout: 1000,
  requestTimeout: 5000,
  socketTimeout: 5000,
  throwOnRequestTimeout: true,
}

/** What the SDK's standard mode asks again by itself: throttling, 5xx, lost connections, time-outs, a corrected clock. */
export const sdkClientConfig = <Credentials>(settings: SdkClientSettings<Credentials>) => {
  const { region, endpoint, credentials, maxAttempts = defaultMaxAttempts } = settings
  return {
    retryMode: 'standard' as const,
    maxAttempts,
    requestHandler: limits,
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
  }
}

/**
 * @module secrets-manager-client: the AWS SDK's client for secrets.
 */
import { SecretsManagerClient, type SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager'

export interface SecretsManagerClientSettings {
  /** Default: the SDK's, `AWS_REGION`. */
  region?: string | undefined
  /** The base URL of another server than AWS's. */
  endpoint?: string | undefined
  /** Default: the SDK's chain; in Lambda, the function's role. */
  credentials?: NonNullable<SecretsManagerClientConfig['credentials']> | undefined
  maxAttempts?: number | undefined
}

/**
 * An account may make or change 50 secrets a second, and read 10,000. Throttled, the SDK waits random parts of 1, 2, 4, 8 s.
 * Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
 */
const defaultMaxAttempts = 5

/** The SDK has no limits of its own, and would wait on a connection that broke without a word. */
const limits = {
  connectionTimeout: 1000,
  requestTimeout: 5000,
  socketTimeout: 5000,
  throwOnRequestTimeout: true,
}

const silent = () => {}

/** What the SDK's standard mode asks again by itself: throttling, 5xx, lost connections, time-outs, a corrected clock. */
export const secretsManagerClient = (settings: SecretsManagerClientSettings = {}): SecretsManagerClient => {
  const { region, endpoint, credentials, maxAttempts = defaultMaxAttempts } = settings
  return new SecretsManagerClient({
    retryMode: 'standard',
    maxAttempts,
    requestHandler: limits,
    // Nothing of requests or answers is logged, whatever the environment asks for.
    logger: { trace: silent, debug: silent, info: silent, warn: silent, error: silent },
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
  })
}

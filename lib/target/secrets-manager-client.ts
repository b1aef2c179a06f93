/**
 * @module secrets-manager-client: the AWS SDK's client for secrets.
 */
import { SecretsManagerClient, type SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager'
import { sdkClientConfig, type SdkClientSettings } from '#lib/base/sdk-client-config.ts'

export type SecretsManagerClientSettings = SdkClientSettings<
  NonNullable<SecretsManagerClientConfig['credentials']>
>

const silent = () => {}

/**
 * An account may make or change 50 secrets a second, and read 10,000.
 * Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
 */
export const secretsManagerClient = (settings: SecretsManagerClientSettings = {}): SecretsManagerClient =>
  new SecretsManagerClient({
    ...sdkClientConfig(settings),
    // Nothing of requests or answers is logged, whatever the environment asks for.
    logger: { trace: silent, debug: silent, info: silent, warn: silent, error: silent },
  })

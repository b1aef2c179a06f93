/**
 * @module s3-credentials: what signs the requests to an S3 target.
 *
 * Keys that were given win; then a named profile (with its SSO, role or process); else what the machine has: environment,
 * profile, web identity, container, instance metadata.
 */
import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { fromIni, fromNodeProviderChain } from '@aws-sdk/credential-providers'
import type { TargetSettings } from './target-settings.ts'

export type S3Credentials = NonNullable<S3ClientConfig['credentials']>

/** Providers ask nobody before the first request, and again when what they gave expires. */
export const s3Credentials = ({ keys, profile }: Pick<TargetSettings, 'keys' | 'profile'>): S3Credentials => {
  if (keys) {
    const { accessKeyId, secretAccessKey, sessionToken } = keys
    return sessionToken === undefined
      ? { accessKeyId, secretAccessKey }
      : { accessKeyId, secretAccessKey, sessionToken }
  }
  return profile === undefined ? fromNodeProviderChain() : fromIni({ profile })
}

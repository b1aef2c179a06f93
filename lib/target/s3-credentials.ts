/**
 * @module s3-credentials: what signs the requests to an S3 target.
 *
 * Keys that were given win; then a named profile (with its SSO, role or process); else what the machine has: environment,
 * profile, web identity, container, instance metadata. A role is assumed by these.
 */
import type { S3ClientConfig } from '@aws-sdk/client-s3'
import { fromIni, fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers'
import { requestHandler } from '#lib/object-store/s3-client.ts'
import { foreignEndpoint } from './aws-endpoint.ts'
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

/** As `s3Credentials`, or sessions of the settings' role. Who narrows them to one operation asks sts-sessions.ts instead. */
export const s3RoleCredentials = (settings: TargetSettings, region: string): S3Credentials => {
  const { roleArn, externalId, caPem, httpProxy, httpsProxy, noProxy } = settings
  const endpoint = foreignEndpoint(settings.endpoint)
  const own = s3Credentials(settings)
  if (roleArn === undefined) return own
  return fromTemporaryCredentials({
    masterCredentials: own,
    params: {
      RoleArn: roleArn,
      RoleSessionName: 'drover',
      ...(externalId !== undefined && { ExternalId: externalId }),
    },
    clientConfig: {
      region,
      requestHandler: requestHandler({ caPem, proxy: { httpProxy, httpsProxy, noProxy } }),
      ...(endpoint !== undefined && { endpoint }),
    },
  })
}

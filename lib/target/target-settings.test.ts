import { rootCertificates } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { TargetError } from './target-error.ts'
import { readTargetSettings, type SettingsRecord } from './target-settings.ts'

const faults = (record: SettingsRecord): TargetError => {
  try {
    readTargetSettings(record)
  } catch (error) {
    if (error instanceof TargetError) return error
  }
  throw new Error('not refused')
}

const [certificate = '', another = ''] = rootCertificates
const keys = { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'hushhush' }
const none = {
  keys: undefined,
  profile: undefined,
  roleArn: undefined,
  externalId: undefined,
  endpoint: undefined,
  virtualHostedStyle: undefined,
  caPem: undefined,
  httpProxy: undefined,
  httpsProxy: undefined,
  noProxy: undefined,
}

describe('readTargetSettings', () => {
  it.each<[string, SettingsRecord, object]>([
    ['nothing', { HOME: '/root', AWS_ENDPOINTS: '', AWS_CERT: undefined }, {}],
    [
      'the secret of a MinIO server',
      { ...keys, AWS_ENDPOINTS: 'https://minio-service.default:9000', AWS_CERT: `${certificate}\n` },
      {
        keys: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'hushhush', sessionToken: undefined },
        endpoint: 'https://minio-service.default:9000',
        caPem: `${certificate}\n`,
      },
    ],
    [
      'a chain of certificates',
      { AWS_CERT: `${certificate}\n${another}` },
      { caPem: `${certificate}\n${another}` },
    ],
    [
      'a session',
      { ...keys, AWS_SESSION_TOKEN: 'token' },
      { keys: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'hushhush', sessionToken: 'token' } },
    ],
    ['a profile', { AWS_PROFILE: 'work' }, { profile: 'work' }],
    [
      'a role',
      { AWS_IAM_ROLE_ARN: 'arn:aws-us-gov:iam::123456789012:role/backups/drover', AWS_EXTERNAL_ID: 'id:1/a' },
      { roleArn: 'arn:aws-us-gov:iam::123456789012:role/backups/drover', externalId: 'id:1/a' },
    ],
    ['virtual-hosted style', { VIRTUAL_HOSTED_STYLE: 'true' }, { virtualHostedStyle: true }],
    ['path style', { VIRTUAL_HOSTED_STYLE: 'false' }, { virtualHostedStyle: false }],
    [
      'proxies, with and without a scheme',
      {
        HTTP_PROXY: '10.0.0.1:3128',
        HTTPS_PROXY: 'http://user:pass@proxy:3128',
        NO_PROXY: 'localhost,10.0.0.0/8',
      },
      {
        httpProxy: 'http://10.0.0.1:3128',
        httpsProxy: 'http://user:pass@proxy:3128',
        noProxy: 'localhost,10.0.0.0/8',
      },
    ],
  ])('reads %s', (_, record, settings) => {
    expect(readTargetSettings(record)).toEqual({ ...none, ...settings })
  })

  it.each<[SettingsRecord, string, string]>([
    [{ AWS_SECRET_ACCESS_KEY: 'hushhush' }, 's3 credential access key not found', 'give both'],
    [{ AWS_ACCESS_KEY_ID: 'hushhush' }, 's3 credential secret access key not found', 'give both'],
    [
      { AWS_ACCESS_KEY_ID: 'hushhush', AWS_SECRET_ACCESS_KEY: '' },
      'secret access key not found',
      'give both',
    ],
    [{ AWS_SESSION_TOKEN: 'hushhush' }, 'AWS_SESSION_TOKEN is given without its keys', 'give both'],
    [
      { ...keys, AWS_SECRET_ACCESS_KEY: 'hushhush\n' },
      'AWS_SECRET_ACCESS_KEY begins or ends with',
      'echo -n',
    ],
    [{ ...keys, AWS_ACCESS_KEY_ID: ' hushhush' }, 'AWS_ACCESS_KEY_ID begins or ends with', 'echo -n'],
    [{ ...keys, AWS_SESSION_TOKEN: 'hushhush\r\n' }, 'AWS_SESSION_TOKEN begins or ends with', 'echo -n'],
    [{ AWS_PROFILE: 'hush ' }, 'AWS_PROFILE begins or ends with', 'echo -n'],
    [{ NO_PROXY: 'hush\t' }, 'NO_PROXY begins or ends with', 'echo -n'],
    [{ AWS_ENDPOINTS: 'https://hush:9000\n' }, 'AWS_ENDPOINTS begins or ends with', 'echo -n'],
    [{ AWS_ENDPOINTS: 'hush:9000' }, 'AWS_ENDPOINTS is not one URL', 'https://<host>:<port>'],
    [{ AWS_ENDPOINTS: 'https://hush:hush@minio' }, 'AWS_ENDPOINTS is not one URL', 'https://<host>:<port>'],
    [{ AWS_ENDPOINTS: 'https://a,https://hush' }, 'AWS_ENDPOINTS is not one URL', 'https://<host>:<port>'],
    [{ HTTPS_PROXY: 'socks5://hush:1080' }, 'HTTPS_PROXY is not a proxy', 'http://<host>:<port>'],
    [{ HTTP_PROXY: 'hush hush' }, 'HTTP_PROXY is not a proxy', 'http://<host>:<port>'],
    [{ VIRTUAL_HOSTED_STYLE: 'hush' }, 'VIRTUAL_HOSTED_STYLE is neither true nor false', 'true or false'],
    [
      { AWS_CERT: Buffer.from(certificate).toString('base64') },
      'AWS_CERT is not a PEM certificate',
      'base64',
    ],
    [
      { AWS_CERT: certificate.replace(/MII./, 'MIIA') },
      'AWS_CERT is not a PEM certificate',
      'BEGIN CERTIFICATE',
    ],
    [
      { AWS_CERT: `${certificate}\n${another.replace(/MII./, 'MIIA')}` },
      'AWS_CERT is not a PEM certificate',
      'BEGIN',
    ],
  ])('refuses %j', (record, says, hint) => {
    const error = faults(record)
    expect(error.code).toBe('invalid-settings')
    expect(error.message).toContain(says)
    expect(error.hint).toContain(hint)
    expect(`${error.message} ${error.hint}`).not.toContain('hush')
  })

  it('reports all faults at once', () => {
    const { message, hint } = faults({
      AWS_ACCESS_KEY_ID: 'key\n',
      AWS_ENDPOINTS: 'minio',
      VIRTUAL_HOSTED_STYLE: 'yes',
    })
    expect(message).toBe(
      'settings of the backup target: s3 credential secret access key not found; AWS_ACCESS_KEY_ID begins or ends with a blank' +
        ' or a newline; AWS_ENDPOINTS is not one URL; VIRTUAL_HOSTED_STYLE is neither true nor false',
    )
    expect(hint?.split('; ')).toHaveLength(4)
  })
})

import { describe, expect, it } from 'vitest'
import { foreignEndpoint } from './aws-endpoint.ts'

describe('an endpoint of S3', () => {
  it.each([
    undefined,
    'https://s3.eu-west-1.amazonaws.com',
    'https://S3.EU-WEST-1.AMAZONAWS.COM:443/',
    'https://s3-fips.us-gov-west-1.amazonaws.com',
    'https://s3.dualstack.eu-west-1.amazonaws.com',
    'https://bucket.vpce-0a1b2c3d-4e5f.s3.eu-west-1.vpce.amazonaws.com',
    'https://s3.cn-north-1.amazonaws.com.cn',
    'https://s3.eu-west-1.api.aws',
  ])('is of AWS: %s', (endpoint) => {
    expect(foreignEndpoint(endpoint)).toBeUndefined()
  })

  it.each([
    'http://127.0.0.1:9000',
    'https://minio.example.com:9000/base',
    'https://s3.amazonaws.com.example.org',
    'https://notamazonaws.com',
    'https://minio.example.org/s3.eu-west-1.amazonaws.com',
    'https://s3.eu-central-1.wasabisys.com',
  ])('is of another: %s', (endpoint) => {
    expect(foreignEndpoint(endpoint)).toBe(endpoint)
  })
})

import { describe, expect, it } from 'vitest'
import { narrowingOf } from './narrowing.ts'
import { readTargetSettings, type SettingsRecord } from './target-settings.ts'
import { parseTargetUrl } from './target-url.ts'

const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }
const roleArn = 'arn:aws:iam::123456789012:role/backups'
const endpoint = 'https://minio:9000'

const kindOf = (record: SettingsRecord | undefined, defaultRoleArn?: string, url = 's3://backups@eu/') =>
  narrowingOf({
    target: parseTargetUrl(url),
    settings: readTargetSettings(record ?? {}),
    hasSecret: record !== undefined,
    defaultRoleArn,
  })

describe('what narrows credentials', () => {
  it.each<[string, SettingsRecord | undefined, string | undefined, object]>([
    ['keys and a role', { ...keys, AWS_IAM_ROLE_ARN: roleArn }, undefined, { kind: 'role', roleArn }],
    ['a role alone', { AWS_IAM_ROLE_ARN: roleArn }, undefined, { kind: 'role', roleArn }],
    ['no secret, and a default role', undefined, roleArn, { kind: 'role', roleArn }],
    ['no secret', undefined, undefined, { kind: 'none', reason: expect.stringContaining('no secret') }],
    ['keys of a store', { ...keys, AWS_ENDPOINTS: endpoint }, roleArn, { kind: 'store', endpoint }],
    ['keys of AWS', keys, roleArn, { kind: 'shared', reason: expect.stringContaining('AWS_IAM_ROLE_ARN') }],
    [
      'keys of AWS by an endpoint of its own',
      { ...keys, AWS_ENDPOINTS: 'https://bucket.vpce-1a2b-3c.s3.eu-west-1.vpce.amazonaws.com' },
      roleArn,
      { kind: 'shared', reason: expect.stringContaining('AWS_IAM_ROLE_ARN') },
    ],
    [
      'a profile',
      { AWS_PROFILE: 'work' },
      roleArn,
      { kind: 'none', reason: expect.stringContaining('work') },
    ],
    [
      'a way alone',
      { AWS_ENDPOINTS: endpoint },
      undefined,
      { kind: 'none', reason: expect.stringMatching('no keys') },
    ],
  ])('of a target with %s', (_, record, defaultRoleArn, narrowing) => {
    expect(kindOf(record, defaultRoleArn)).toEqual(narrowing)
  })

  it('is nothing where there is nothing to sign', () => {
    expect(kindOf(keys, roleArn, 'file:///mnt/nas/')).toMatchObject({ kind: 'none' })
  })
})

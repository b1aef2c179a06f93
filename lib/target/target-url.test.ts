import { resolve } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TargetError } from './target-error.ts'
import { formatTargetUrl, parseTargetUrl, type Target } from './target-url.ts'

const refusal = (text: string): TargetError => {
  try {
    parseTargetUrl(text)
  } catch (error) {
    if (error instanceof TargetError) return error
  }
  throw new Error(`not refused: ${text}`)
}

describe('parseTargetUrl', () => {
  it.each<[string, Target]>([
    ['s3://backupbucket@us-east-1/', { kind: 's3', bucket: 'backupbucket', region: 'us-east-1', path: '' }],
    ['s3://my.bucket@auto/mypath/', { kind: 's3', bucket: 'my.bucket', region: 'auto', path: 'mypath/' }],
    ['S3://b-1@eu-west-3/a/b/', { kind: 's3', bucket: 'b-1', region: 'eu-west-3', path: 'a/b/' }],
    ['s3://bucket@default//a///b//', { kind: 's3', bucket: 'bucket', region: 'default', path: 'a/b/' }],
    [
      's3://bucket@us-east-1/my%20path/',
      { kind: 's3', bucket: 'bucket', region: 'us-east-1', path: 'my path/' },
    ],
    [
      's3://bucket@us-east-1/my path/',
      { kind: 's3', bucket: 'bucket', region: 'us-east-1', path: 'my path/' },
    ],
    ['file:///srv/backups/', { kind: 'folder', path: '/srv/backups' }],
    ['file:///srv/backups', { kind: 'folder', path: '/srv/backups' }],
    ['file:///', { kind: 'folder', path: '/' }],
    ['file:///a%20b%25/', { kind: 'folder', path: '/a b%' }],
    ['vfs:///srv/backups/', { kind: 'folder', path: '/srv/backups' }],
    ['/srv/backups/', { kind: 'folder', path: '/srv/backups' }],
    ['/srv/100%25', { kind: 'folder', path: '/srv/100%25' }],
    ['./backups', { kind: 'folder', path: resolve('backups') }],
    ['../backups/', { kind: 'folder', path: resolve('..', 'backups') }],
    [
      'nfs://longhorn-test-nfs-svc.default:/opt/backupstore',
      { kind: 'nfs', server: 'longhorn-test-nfs-svc.default', path: '/opt/backupstore', options: [] },
    ],
    ['nfs://10.0.0.7:/', { kind: 'nfs', server: '10.0.0.7', path: '/', options: [] }],
    ['nfs://[fd00::7]:/export/', { kind: 'nfs', server: '[fd00::7]', path: '/export', options: [] }],
    [
      'nfs://server:/export/?nfsOptions=soft%2Ctimeo%3D300&nfsOptions=nfsvers=4.1',
      { kind: 'nfs', server: 'server', path: '/export', options: ['soft', 'timeo=300', 'nfsvers=4.1'] },
    ],
    ['nfs://server:/export?nfsOptions=', { kind: 'nfs', server: 'server', path: '/export', options: [] }],
  ])('reads %s', (text, target) => {
    expect(parseTargetUrl(text)).toEqual(target)
  })

  it.each([
    ['s3://bucket/path', 'names no region', 'write s3://bucket@<region>/path/'],
    ['s3://bucket/', 'names no region', 'write s3://bucket@<region>/'],
    ['s3://bucket', 'names no region', 'write s3://bucket@<region>/'],
    ['s3://bucket@/path/', 'names no region', 'write s3://bucket@<region>/path/'],
    ['s3://@us-east-1/path', 'does not end with /', 'write s3://<bucket>@us-east-1/path/'],
    ['s3://bucket@us-east-1', 'does not end with /', 'write s3://bucket@us-east-1/'],
    ['s3://bucket@us-east-1/path', 'does not end with /', 'write s3://bucket@us-east-1/path/'],
    ['s3://bucket@us-east-1/path/?a=b', 'has parameters', 'write s3://bucket@us-east-1/path/'],
    ['s3://a@b@c/', 'names no region', 'write s3://a@b/'],
    ['s3://bucket@us east/', 'invalid region', 'us-east-1'],
    ['s3://@us-east-1/', 'invalid bucket name', '3 to 63'],
    ['s3://ab@us-east-1/', 'invalid bucket name', '3 to 63'],
    ['s3://Bucket@us-east-1/', 'invalid bucket name', 'lower-case'],
    ['s3://my_bucket@us-east-1/', 'invalid bucket name', 'lower-case'],
    ['s3://-bucket@us-east-1/', 'invalid bucket name', 'begins and ends'],
    ['s3://buck..et@us-east-1/', 'invalid bucket name', '3 to 63'],
    ['s3://192.168.0.1@us-east-1/', 'invalid bucket name', '3 to 63'],
    [`s3://${'b'.repeat(64)}@us-east-1/`, 'invalid bucket name', '3 to 63'],
    ['s3://bucket@us-east-1/a$b/', 'has a path with one of $', 'without them'],
    ['s3://bucket@us-east-1/a,b/', 'has a path with one of $', 'without them'],
    ['s3://bucket@us-east-1/a%24b/', 'has a path with one of $', 'without them'],
    ['s3://bucket@us-east-1/a%3Fb/', 'has a path with one of $', 'without them'],
    ['s3://bucket@us-east-1/a#b/', 'has a path with one of $', 'without them'],
    ['s3://bucket@us-east-1/a/\n', 'has a path with one of $', 'without them'],
    ['s3://bucket@us-east-1/../other/', '"." or ".."', 'without them'],
    ['s3://bucket@us-east-1/%2e%2e/other/', '"." or ".."', 'without them'],
    ['s3://bucket@us-east-1/100%/', 'cannot be decoded', 'write % as %25'],
    ['file://srv/backups/', 'not absolute', 'write file:///srv/backups/'],
    ['file://', 'names no folder', 'write file:///<folder>/'],
    ['file:///srv/../etc', '"." or ".."', 'without them'],
    ['file:///srv?x', 'has parameters', 'write file:///srv'],
    ['./a,b', 'has a path with one of $', 'without them'],
    ['nfs://server/export', 'followed by a colon', 'write nfs://<server>:/<export>/'],
    ['nfs://:/export', 'does not name a server', 'write nfs://<server>:/<export>/'],
    ['nfs://server:', 'names no export', 'write nfs://<server>:/<export>/'],
    ['nfs://server:/export?options=soft', 'unknown parameter "options"', 'nfsOptions'],
    ['nfs://server:/export?nfsOptions=soft;rm', 'invalid mount option "soft;rm"', 'nfsOptions'],
    ['nfs://server:/export?nfsOptions=100%', 'cannot be decoded', 'write % as %25'],
    ['http://server/', 'unknown scheme, http', 'write s3://'],
    ['bucket@us-east-1/', 'not understood', 'write s3://'],
    ['', 'not understood', 'write s3://'],
  ])('refuses %j', (text, says, hint) => {
    const error = refusal(text)
    expect(error.code).toBe('invalid-url')
    expect(error.message).toContain(says)
    expect(error.hint).toContain(hint)
  })

  it.each(['cifs://user:pass@server/share/', 'azblob://container@core.windows.net/path/'])(
    'says that it does not support %s',
    (text) => {
      expect(refusal(text)).toMatchObject({ code: 'unsupported', hint: expect.stringContaining('file:///') })
    },
  )

  it.each([
    's3://AKIAKEY:hushhush@us-east-1/path/',
    's3://AKIAKEY:hush/hush@us-east-1/path/',
    'file://user:hushhush@host/path/',
    'nfs://user:hushhush@server:/path/',
    'cifs://user:hushhush@server/share/',
    'ftp://user:hushhush@server/share/',
  ])('does not repeat the password of %s', (text) => {
    const { message, hint } = refusal(text)
    expect(`${message} ${hint}`).not.toContain('hush')
  })
})

const pathPart = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  // oxlint-disable-next-line no-control-regex -- what a path may not have
  .filter((part) => !/[/$,?#\u0000-\u001f\u007f]/.test(part) && part !== '.' && part !== '..')
const parts = fc.array(pathPart, { maxLength: 4 })
const absolute = parts.map((all) => `/${all.join('/')}`)

const anyTarget: fc.Arbitrary<Target> = fc.oneof(
  fc.record({
    kind: fc.constant('s3' as const),
    bucket: fc.stringMatching(/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/),
    region: fc.stringMatching(/^[a-z]{2}-[a-z]{4,9}-[1-9]$/),
    path: parts.map((all) => all.map((part) => `${part}/`).join('')),
  }),
  fc.record({ kind: fc.constant('folder' as const), path: absolute }),
  fc.record({
    kind: fc.constant('nfs' as const),
    server: fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,9}[a-z0-9])?$/),
    path: absolute,
    options: fc.array(fc.stringMatching(/^[a-z]{1,6}(=[a-z0-9.]{1,4})?$/), { maxLength: 3 }),
  }),
)

describe('formatTargetUrl', () => {
  it.each<[Target, string]>([
    [{ kind: 's3', bucket: 'bucket', region: 'us-east-1', path: '' }, 's3://bucket@us-east-1/'],
    [
      { kind: 's3', bucket: 'bucket', region: 'us-east-1', path: 'a b/ü/' },
      's3://bucket@us-east-1/a%20b/%C3%BC/',
    ],
    [{ kind: 'folder', path: '/' }, 'file:///'],
    [{ kind: 'folder', path: '/srv/backups' }, 'file:///srv/backups/'],
    [{ kind: 'nfs', server: 'server', path: '/export', options: [] }, 'nfs://server:/export'],
    [
      { kind: 'nfs', server: 'server', path: '/export', options: ['soft', 'timeo=300'] },
      'nfs://server:/export?nfsOptions=soft%2Ctimeo%3D300',
    ],
  ])('writes %j', (target, text) => {
    expect(formatTargetUrl(target)).toBe(text)
  })

  it('writes what parseTargetUrl reads back', () => {
    fc.assert(
      fc.property(anyTarget, (target) => {
        expect(parseTargetUrl(formatTargetUrl(target))).toEqual(target)
      }),
    )
  })
})

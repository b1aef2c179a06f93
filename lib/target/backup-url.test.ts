import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatBackupUrl, parseBackupUrl } from './backup-url.ts'
import type { Target } from './target-url.ts'

const s3: Target = { kind: 's3', bucket: 'bucket', region: 'us-east-1', path: 'p/' }
const nfs: Target = { kind: 'nfs', server: 'server', path: '/export', options: ['soft', 'timeo=300'] }

describe('parseBackupUrl', () => {
  it.each([
    ['s3://bucket@us-east-1/p/?backup=b1&volume=v1', { target: s3, volumeName: 'v1', backupName: 'b1' }],
    ['s3://bucket@us-east-1/p/?volume=v1&backup=b1', { target: s3, volumeName: 'v1', backupName: 'b1' }],
    [
      's3://bucket@us-east-1/p/?backup=b1\\u0026volume=v1',
      { target: s3, volumeName: 'v1', backupName: 'b1' },
    ],
    ['s3://bucket@us-east-1/p/?volume=v1', { target: s3, volumeName: 'v1' }],
    [
      'vfs:///srv/?backup=b1&volume=v1',
      { target: { kind: 'folder', path: '/srv' }, volumeName: 'v1', backupName: 'b1' },
    ],
    // In the order that Longhorn's EncodeBackupURL gives.
    [
      'nfs://server:/export?backup=b1&nfsOptions=soft%2Ctimeo%3D300&volume=v1',
      { target: nfs, volumeName: 'v1', backupName: 'b1' },
    ],
  ])('reads %s', (text, expected) => {
    expect(parseBackupUrl(text)).toEqual(expected)
  })

  it.each([
    ['s3://bucket@us-east-1/p/', 'names no volume'],
    ['s3://bucket@us-east-1/p/?backup=b1', 'names no volume'],
    ['s3://bucket@us-east-1/p/?volume=', 'names an empty volume'],
    ['s3://bucket@us-east-1/p/?backup=&volume=v1', 'names an empty backup'],
    ['s3://bucket@us-east-1/p/?volume=v1&volume=v2', 'names more than one volume'],
    ['s3://bucket@us-east-1/p/?volume=%zz', 'cannot be decoded'],
    ['s3://bucket@us-east-1/p/?volume=v1&nfsOptions=soft', 'has parameters'],
    ['file:///srv/?volume=v1&backingImage=i', 'has parameters'],
    ['nfs://server:/export?volume=v1&cifsOptions=soft', 'unknown parameter "cifsOptions"'],
    ['s3://bucket/p/?volume=v1', 'names no region'],
  ])('refuses %s', (text, says) => {
    expect(() => parseBackupUrl(text)).toThrow(
      expect.objectContaining({
        code: 'invalid-url',
        message: expect.stringContaining(says),
        hint: expect.any(String),
      }),
    )
  })
})

describe('formatBackupUrl', () => {
  it.each([
    [s3, { volumeName: 'v1', backupName: 'b1' }, 's3://bucket@us-east-1/p/?backup=b1&volume=v1'],
    [s3, { volumeName: 'v1' }, 's3://bucket@us-east-1/p/?volume=v1'],
    [
      nfs,
      { volumeName: 'v1', backupName: 'b1' },
      'nfs://server:/export?backup=b1&nfsOptions=soft%2Ctimeo%3D300&volume=v1',
    ],
  ])('writes %j %j', (target, address, text) => {
    expect(formatBackupUrl(target, address)).toBe(text)
  })

  it('writes what parseBackupUrl reads back', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\\u0026'))
    fc.assert(
      fc.property(fc.constantFrom(s3, nfs), name, name, (target, volumeName, backupName) => {
        const text = formatBackupUrl(target, { volumeName, backupName })
        expect(parseBackupUrl(text)).toEqual({ target, volumeName, backupName })
      }),
    )
  })
})

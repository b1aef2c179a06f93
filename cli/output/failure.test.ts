import { describe, expect, it } from 'vitest'
import { BackupError } from '#lib/backup/backup-error.ts'
import { BackupstoreError } from '#lib/backupstore/backupstore-error.ts'
import { ObjectStoreError } from '#lib/object-store/object-store.ts'
import { TargetError } from '#lib/target/target-error.ts'
import { VolumeError } from '#lib/volume/volume-error.ts'
import { Interrupted } from '../interruption.ts'
import { UsageError } from '../usage-error.ts'
import { exitOf } from './exit-codes.ts'
import { describeFailure, failureJson, failureText } from './failure.ts'

const cause = new Error('getaddrinfo ENOTFOUND', { cause: new Error('no network') })
const error = new ObjectStoreError('unreachable', 's3://a@b/ does not answer', {
  hint: 'check the address',
  cause,
})

describe('failure', () => {
  it('is told with its hint, and with its causes on demand', () => {
    const failure = describeFailure(error)
    expect(failureText(failure, false)).toBe('drover: s3://a@b/ does not answer\n  hint: check the address')
    expect(failureText(failure, true)).toBe(
      'drover: s3://a@b/ does not answer\n  hint: check the address\n  cause: getaddrinfo ENOTFOUND\n  cause: no network',
    )
  })

  it('is one JSON document', () => {
    expect(JSON.parse(failureJson(describeFailure(error), false))).toEqual({
      error: { code: 'unreachable', message: 's3://a@b/ does not answer', hint: 'check the address' },
    })
    expect(JSON.parse(failureJson(describeFailure(new Error('broken')), true))).toEqual({
      error: { code: 'unexpected', message: 'broken', hint: null, causes: [] },
    })
  })
})

describe('exitOf', () => {
  it.each([
    [error, 'noAccess'],
    [new BackupstoreError('unsupported', 'x'), 'failed'],
    [new TargetError('unsupported', 'x'), 'usage'],
    [new BackupError('source-size', 'x'), 'usage'],
    [new VolumeError('pool-busy', 'x'), 'busy'],
    [new VolumeError('snapshot-not-found', 'x'), 'missing'],
    [new VolumeError('volume-exists', 'x'), 'usage'],
    [new VolumeError('layer-damaged', 'x'), 'damaged'],
    [new VolumeError('pool-full', 'x'), 'failed'],
    [new UsageError('not-confirmed', 'x'), 'failed'],
    [new Interrupted(), 'interrupted'],
    [new Error('x'), 'failed'],
  ])('is by class and code: %o', (failure, exit) => {
    expect(exitOf(failure)).toBe(exit)
  })
})

import { describe, expect, it } from 'vitest'
import { QueueError } from '#lib/operation/queue-error.ts'
import { ScheduleError } from '#lib/schedule/schedule-error.ts'
import { SecretStoreError } from '#lib/target/secret-store-error.ts'
import { TargetError } from '#lib/target/target-error.ts'
import { problemOf } from './problem.ts'

describe('a problem', () => {
  it.each([
    new TargetError('sts-unavailable', 'away', { hint: 'later' }),
    new SecretStoreError('throttled', 'away', { hint: 'later' }),
    new SecretStoreError('failed', 'away', { hint: 'later' }),
    new QueueError('throttled', 'away', { hint: 'later' }),
    new QueueError('unreachable', 'away', { hint: 'later' }),
    new ScheduleError('unavailable', 'away', { hint: 'later' }),
  ])('of a service that may be there later is none of what was asked: $name $code', (error) => {
    expect(problemOf(error)).toMatchObject({ status: 503, code: error.code, detail: 'away', hint: 'later' })
  })

  it.each([
    new TargetError('role-refused', 'no'),
    new SecretStoreError('access-denied', 'no'),
    new QueueError('no-queue', 'no'),
    new ScheduleError('too-many-rules', 'no'),
  ])('of what will be refused again is a conflict: $name $code', (error) => {
    expect(problemOf(error)).toMatchObject({ status: 409, code: error.code })
  })
})

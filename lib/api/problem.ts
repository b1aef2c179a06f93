/**
 * @module problem: errors as they go over HTTP: RFC 9457, with our code and hint.
 */
import * as z from 'zod'
import { BackupIndexError } from '#lib/backup-index/backup-index-error.ts'
import { CodedError } from '#lib/base/errors.ts'
import { CatalogError } from '#lib/catalog/catalog-error.ts'
import { QueueError } from '#lib/operation/queue-error.ts'
import { ScheduleError } from '#lib/schedule/schedule-error.ts'
import { SecretStoreError } from '#lib/target/secret-store-error.ts'
import { TargetError } from '#lib/target/target-error.ts'
import { ApiError, type ApiErrorCode, type FieldFault } from './api-error.ts'

export const problemType = 'application/problem+json'

export const Problem = z.object({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  /** For programs; never changes its meaning. */
  code: z.string(),
  /** What to do about it. */
  hint: z.string().optional(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
})
export type Problem = z.infer<typeof Problem>

const statuses: Record<ApiErrorCode, { status: number; title: string }> = {
  'invalid-request': { status: 400, title: 'Bad Request' },
  unauthenticated: { status: 401, title: 'Unauthorized' },
  forbidden: { status: 403, title: 'Forbidden' },
  'not-found': { status: 404, title: 'Not Found' },
  exists: { status: 409, title: 'Conflict' },
  conflict: { status: 409, title: 'Conflict' },
  'too-large': { status: 413, title: 'Content Too Large' },
  internal: { status: 500, title: 'Internal Server Error' },
  unavailable: { status: 503, title: 'Service Unavailable' },
}

const codeOfCatalog = (error: CatalogError): ApiErrorCode => {
  if (error.code === 'invalid-cursor' || error.code === 'invalid-key') return 'invalid-request'
  if (error.code === 'item-too-large') return 'too-large'
  return error.code === 'busy' || error.code === 'unavailable' ? 'unavailable' : 'internal'
}

/** A service that we use is away, or asks for patience: who asks again may get what it asked for. An agent gives up at a conflict. */
const mayComeRight = (error: unknown): boolean => {
  if (error instanceof TargetError) return error.code === 'sts-unavailable'
  if (error instanceof SecretStoreError) return error.code === 'throttled' || error.code === 'failed'
  if (error instanceof QueueError) return error.code === 'throttled' || error.code === 'unreachable'
  if (error instanceof BackupIndexError) return error.code === 'not-asked'
  return error instanceof ScheduleError && error.code === 'unavailable'
}

const statusOf = (error: unknown): { status: number; title: string } => {
  if (error instanceof ApiError) return statuses[error.code]
  if (error instanceof CatalogError) return statuses[codeOfCatalog(error)]
  if (mayComeRight(error)) return statuses.unavailable
  // What a capability refuses, it refuses because of what it was asked.
  return statuses[error instanceof CodedError ? 'conflict' : 'internal']
}

const fieldsOf = (error: CodedError<string>): readonly FieldFault[] => {
  if (error instanceof ApiError) return error.fields
  return error.code === 'invalid-cursor' ? [{ field: 'cursor', message: error.message }] : []
}

/** What a database says names accounts, roles and tables, and is told before anybody is authenticated: it is for the log. */
const unavailableCatalog: Problem = {
  type: 'about:blank',
  ...statuses.unavailable,
  detail: 'the catalog is not available; the log of the service says more',
  code: 'unavailable',
  hint: 'try again; then see the log',
}

export const problemOf = (error: unknown): Problem => {
  if (error instanceof CatalogError && error.code === 'unavailable') return unavailableCatalog
  const { status, title } = statusOf(error)
  if (!(error instanceof CodedError) || status === 500) {
    const detail = 'the service failed; its log says more'
    return {
      type: 'about:blank',
      title,
      status,
      detail,
      code: 'internal',
      hint: 'try again; then see the log',
    }
  }
  const fields = fieldsOf(error)
  return {
    type: 'about:blank',
    title,
    status,
    detail: error.message,
    code: String(error.code),
    ...(error.hint !== undefined && { hint: error.hint }),
    ...(fields.length > 0 && { errors: [...fields] }),
  }
}

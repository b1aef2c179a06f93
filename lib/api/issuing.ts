/**
 * @module issuing: operations that people ask for: their ids, and the same one for a request that is repeated with its key.
 */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { catalogKeys } from '#lib/catalog/catalog-keys.ts'
import { issueOperation, type NewOperation } from '#lib/catalog/issue-operation.ts'
import type { Operation } from '#lib/operation/operation.ts'
import { ApiError } from './api-error.ts'
import type { ApiDeps } from './api-deps.ts'
import { jsonResponse, type ApiContext } from './routing.ts'
import { OperationView } from './views.ts'

export const IdempotencyHeaders = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'has 1 to 255 visible characters')
    .optional()
    .describe('A request repeated with the same key within a day makes nothing twice'),
})

export const acceptedResponse = {
  202: jsonResponse('Its operation, which is performed from now on', OperationView),
} as const

const sha256 = (...parts: string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex')

/** `20260101T023000Z_attach-volume_5d1f0c7a9be24c63`: listed by time. */
export const newOperationId = ({ clock, ids }: Pick<ApiDeps, 'clock' | 'ids'>, kind: string): string =>
  `${clock
    .now()
    .toISOString()
    .replaceAll(/[-:]|\.\d+/g, '')}_${ids.name(kind).replace(/-(?=[^-]*$)/, '_')}`

export type Wanted = Omit<NewOperation, 'id' | 'cause'>

export interface Claim {
  id: string
  /** Asked for before, by the same key. */
  isRepeated: boolean
  /** When it was asked for first. */
  at: string
}

/** The same for a request that is repeated with its key. @throws ApiError `conflict`: the key was another's. */
export const claimId = async (deps: ApiDeps, context: ApiContext, kind: string): Promise<Claim> => {
  const fresh = newOperationId(deps, kind)
  const at = deps.clock.now().toISOString()
  const key = context.req.header('idempotency-key')
  if (key === undefined) return { id: fresh, isRepeated: false, at }
  const hash = sha256(context.get('principal').name, key)
  const fingerprint = sha256(context.req.method, context.req.path, await context.req.text())
  const claimed = await deps.catalog.requests.change(
    catalogKeys.request(hash),
    (there) => there ?? { hash, fingerprint, operationId: fresh, createdAt: at },
  )
  if (!claimed || claimed.fingerprint !== fingerprint)
    throw new ApiError('conflict', 'the idempotency key was used for another request', {
      hint: 'give each request a key of its own',
      fields: [{ field: 'idempotency-key', message: 'was used for another request' }],
    })
  const { operationId: id, createdAt } = claimed
  return { id, isRepeated: id !== fresh, at: createdAt }
}

/**
 * `prepare` checks, and makes what must be there before the operation; of a repeated request it may find that already made.
 * When it throws nothing is issued.
 */
export const issueOnce = async (
  deps: ApiDeps,
  context: ApiContext,
  kind: NewOperation['kind'],
  prepare: (claim: Claim) => Promise<Omit<Wanted, 'kind'>>,
): Promise<Operation> => {
  const claim = await claimId(deps, context, kind)
  const { id, isRepeated } = claim
  const there = isRepeated ? await deps.catalog.operations.get(catalogKeys.operation(id)) : undefined
  if (there) return there
  const wanted = await prepare(claim)
  const cause = { kind: 'request', by: context.get('principal').name } as const
  return issueOperation(deps)({ ...wanted, kind, id, cause })
}

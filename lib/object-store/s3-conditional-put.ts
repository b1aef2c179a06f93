/**
 * @module s3-conditional-put: puts on a condition, also for servers that have no conditional writes.
 *
 * Many S3-compatible servers ignore `If-None-Match` and `If-Match` without a word, and would let two writers both believe that
 * they own a lock. So a condition is the server's own only once it was seen to refuse: until then, and where it never does, we
 * look first and put then, with a short deadline. The probing repeats a small put of ours, which changes nothing.
 */
import type { PutCondition } from './object-store.ts'

export type S3PutResult =
  | { kind: 'stored'; etag: string; serverTimeNs: bigint }
  | { kind: 'refused' }
  /** The server has no such condition, and says so (501). */
  | { kind: 'unsupported' }

export interface ConditionalPut {
  condition: PutCondition
  sizeBytes: number
  /** The etag of what is stored now. */
  currentEtag: () => Promise<string | undefined>
  /** Sends the same body each time. `isUnguarded`: no server checks it, so that it must end soon. */
  put: (condition: PutCondition | undefined, options: { isUnguarded: boolean }) => Promise<S3PutResult>
}

/** Costs two more puts, so only small ones are probed with. */
const maxProbeBytes = 4096

const neverAnEtag = `"${'0'.repeat(32)}"`

const holds = (condition: PutCondition, etag: string | undefined): boolean =>
  condition.kind === 'absent' ? etag === undefined : etag === condition.etag

const guarded = { isUnguarded: false }

export const conditionalPuts = (mode: 'native' | 'probe') => {
  /** What the server does, as far as it is known. */
  const has: Record<PutCondition['kind'], boolean | undefined> = {
    absent: mode === 'native' || undefined,
    unchanged: mode === 'native' || undefined,
  }
  let isProbing = false

  /** Whatever becomes of the repeated put, the object has the same content; only its etag may be a new one. */
  const probeOne = async (
    call: ConditionalPut,
    condition: PutCondition,
    stored: S3PutResult & { kind: 'stored' },
  ) => {
    const result = await call.put(condition, guarded)
    has[condition.kind] = result.kind === 'refused'
    return result.kind === 'stored' ? result : stored
  }

  const probe = async (call: ConditionalPut, stored: S3PutResult & { kind: 'stored' }) => {
    if (isProbing || call.sizeBytes > maxProbeBytes) return stored
    isProbing = true
    try {
      const second = await probeOne(call, { kind: 'absent' }, stored)
      return await probeOne(call, { kind: 'unchanged', etag: neverAnEtag }, second)
    } finally {
      isProbing = false
    }
  }

  /** The header is sent along while nothing is known: a server that heeds it is safe from the first put on. */
  const lookThenPut = async (call: ConditionalPut): Promise<S3PutResult> => {
    const { condition } = call
    const mayBeThere = condition.kind === 'unchanged' || !condition.isRandom
    if (mayBeThere && !holds(condition, await call.currentEtag())) return { kind: 'refused' }
    if (has[condition.kind] === false) return call.put(undefined, { isUnguarded: true })
    const result = await call.put(condition, { isUnguarded: true })
    if (result.kind === 'stored') return probe(call, result)
    has[condition.kind] = result.kind === 'refused'
    return result.kind === 'refused' ? result : call.put(undefined, { isUnguarded: true })
  }

  return async (call: ConditionalPut): Promise<S3PutResult> =>
    has[call.condition.kind] ? call.put(call.condition, guarded) : lookThenPut(call)
}

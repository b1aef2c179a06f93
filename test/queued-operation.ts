/**
 * @module queued-operation: an operation as it is when it was just issued, for tests to vary.
 */
import type { Operation } from '#lib/operation/operation.ts'

export const queuedOperation: Operation<'expand-volume'> = {
  id: 'op-1',
  kind: 'expand-volume',
  cluster: 'primary',
  node: 'node-1',
  volume: 'web',
  generation: 1,
  parameters: { sizeBytes: 2 ** 30 },
  cause: { kind: 'request', by: 'ada' },
  state: 'queued',
  attempt: 1,
  sentAt: '2026-01-01T00:00:00Z',
  isCancelRequested: false,
  createdAt: '2026-01-01T00:00:00Z',
  expiresAt: '2026-01-01T01:00:00Z',
  heardAt: null,
  endedAt: null,
  sequence: 0,
  progress: null,
  result: null,
  failure: null,
}

/**
 * @module operations: what is done to one volume of a pool, as data, so that another process can be told to do it.
 */
import * as z from 'zod'
import type { Pool } from '#lib/volume/pool.ts'

export const Operation = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('create'),
    sizeBytes: z.int(),
    blockSizeBytes: z.int(),
    sectorSizeBytes: z.union([z.literal(512), z.literal(4096)]),
  }),
  z.object({ kind: z.literal('snapshot'), name: z.string() }),
  z.object({ kind: z.literal('delete'), name: z.string() }),
  z.object({ kind: z.literal('revert'), name: z.string() }),
  z.object({ kind: z.literal('expand'), sizeBytes: z.int() }),
  z.object({ kind: z.literal('attach'), frontend: z.enum(['block', 'file', 'none']) }),
  z.object({ kind: z.literal('detach') }),
  z.object({ kind: z.literal('ask'), name: z.string() }),
  z.object({ kind: z.literal('remove') }),
])
export type Operation = z.infer<typeof Operation>

/** The answer is told by `ask` alone: whether anything was written since the snapshot. */
export const perform = async (
  pool: Pool,
  volume: string,
  operation: Operation,
): Promise<boolean | undefined> => {
  switch (operation.kind) {
    case 'create':
      return void (await pool.createVolume({ ...operation, name: volume }))
    case 'snapshot':
      return void (await pool.createSnapshot(volume, { name: operation.name }))
    case 'delete':
      return pool.deleteSnapshot(volume, operation.name) as Promise<undefined>
    case 'revert':
      return pool.revertVolume(volume, operation.name) as Promise<undefined>
    case 'expand':
      return void (await pool.expandVolume(volume, operation.sizeBytes))
    case 'attach':
      return void (await pool.attachVolume(volume, operation.frontend))
    case 'detach':
      return pool.detachVolume(volume) as Promise<undefined>
    case 'ask':
      return pool.hasWritesSince(volume, operation.name)
    case 'remove':
      return pool.deleteVolume(volume) as Promise<undefined>
    default:
      return operation satisfies never
  }
}

/** At most as many host calls does each make; from these a death's call is chosen. */
export const mostCalls: Record<Operation['kind'] | 'backup', number> = {
  create: 7,
  snapshot: 8,
  delete: 3,
  revert: 11,
  expand: 5,
  attach: 4,
  detach: 4,
  ask: 8,
  remove: 9,
  backup: 12,
}

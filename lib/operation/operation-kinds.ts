/**
 * @module operation-kinds: what kinds of work there are: what each needs to know, in which lane it runs, how long it may be
 * silent, and what happens to one that had begun when its worker died. Complete tables: tsc fails when a kind is missing.
 */
import * as z from 'zod'

const name = z.string().min(2).max(200)
const labels = z.record(z.string(), z.string())
const sizeBytes = z.int().positive()

/** Which backup volume of which target; how to reach it is asked for when the work begins, never sent. */
const backupVolume = { target: z.string().min(1).max(200), backupVolume: name }

export const operationKinds = [
  'create-volume',
  'delete-volume',
  'expand-volume',
  'attach-volume',
  'detach-volume',
  'create-snapshot',
  'delete-snapshot',
  'revert-volume',
  'create-backup',
  'restore-backup',
  'delete-backup',
  'collect-blocks',
  'verify-backup',
] as const
export type OperationKind = (typeof operationKinds)[number]

/** By kind. What is not here is refused: a message never carries more than its receiver knows. */
export const parametersOf = {
  'create-volume': z.strictObject({
    sizeBytes,
    blockSizeBytes: z.union([z.literal(2 * 1024 * 1024), z.literal(16 * 1024 * 1024)]).optional(),
    sectorSizeBytes: z.union([z.literal(512), z.literal(4096)]).optional(),
  }),
  'delete-volume': z.strictObject({}),
  'expand-volume': z.strictObject({ sizeBytes }),
  'attach-volume': z.strictObject({ isMaintenance: z.boolean() }),
  'detach-volume': z.strictObject({}),
  'create-snapshot': z.strictObject({
    snapshot: name,
    labels,
    /** None is made if nothing was written since the newest one. */
    onlyIfWritten: z.boolean(),
  }),
  'delete-snapshot': z.strictObject({ snapshot: name }),
  'revert-volume': z.strictObject({ snapshot: name }),
  'create-backup': z.strictObject({
    ...backupVolume,
    backup: name,
    lock: name,
    /** One that is there. Left out: one is made for this backup. */
    snapshot: name.optional(),
    labels,
    isFull: z.boolean(),
    /** Nothing is made if nothing was written since the last backup. */
    onlyIfWritten: z.boolean(),
  }),
  'restore-backup': z.strictObject({ ...backupVolume, backup: name, isSalvage: z.boolean() }),
  'delete-backup': z.strictObject({
    ...backupVolume,
    backup: name,
    lock: name,
    /** Left out: the blocks that no other backup names go with it. `false`: they wait for a later collection. */
    collects: z.boolean().optional(),
  }),
  'collect-blocks': z.strictObject({ ...backupVolume, lock: name }),
  'verify-backup': z.strictObject({ ...backupVolume, backup: name }),
} satisfies Record<OperationKind, z.ZodType>

export type ParametersOf<Kind extends OperationKind> = z.infer<(typeof parametersOf)[Kind]>

/** Each volume has two in its worker, so that a running backup never makes an attach, a snapshot or a cancel wait. */
export type Lane = 'control' | 'data'

export const laneOf: Record<OperationKind, Lane> = {
  'create-volume': 'control',
  'delete-volume': 'control',
  'expand-volume': 'control',
  'attach-volume': 'control',
  'detach-volume': 'control',
  'create-snapshot': 'control',
  'delete-snapshot': 'control',
  'revert-volume': 'control',
  'create-backup': 'data',
  'restore-backup': 'data',
  'delete-backup': 'data',
  'collect-blocks': 'data',
  'verify-backup': 'data',
}

/** What its worker does, when it starts again, with one that it had begun. */
export type AfterCrash =
  /** Under the same name if what it left in the store is still there; else from the start under a new one. */
  | 'resume'
  /** From the start, whatever was done. */
  | 'run-again'
  /** Looks what is there, then does the rest. */
  | 'look-then-finish'

export const afterCrash: Record<OperationKind, AfterCrash> = {
  'create-volume': 'look-then-finish',
  'delete-volume': 'look-then-finish',
  'expand-volume': 'look-then-finish',
  'attach-volume': 'look-then-finish',
  'detach-volume': 'look-then-finish',
  'create-snapshot': 'look-then-finish',
  'delete-snapshot': 'look-then-finish',
  'revert-volume': 'look-then-finish',
  'create-backup': 'resume',
  'restore-backup': 'run-again',
  'delete-backup': 'run-again',
  'collect-blocks': 'run-again',
  'verify-backup': 'run-again',
}

const minuteMs = 60_000

/** How long one under way may show no sign of life before it counts as lost; heartbeats come every 30 s. */
export const silenceLimitMs: Record<OperationKind, number> = {
  'create-volume': 30 * minuteMs,
  'delete-volume': 30 * minuteMs,
  'expand-volume': 30 * minuteMs,
  'attach-volume': 30 * minuteMs,
  'detach-volume': 30 * minuteMs,
  'create-snapshot': 30 * minuteMs,
  'delete-snapshot': 30 * minuteMs,
  'revert-volume': 30 * minuteMs,
  // A node may be restarted under it, and goes on.
  'create-backup': 60 * minuteMs,
  'restore-backup': 60 * minuteMs,
  'delete-backup': 60 * minuteMs,
  'collect-blocks': 60 * minuteMs,
  'verify-backup': 60 * minuteMs,
}

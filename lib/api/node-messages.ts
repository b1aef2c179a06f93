/**
 * @module node-messages: what nodes and the control plane say to each other over HTTP, besides commands and reports.
 */
import * as z from 'zod'

const name = z.string().min(1).max(200)
const sizeBytes = z.int().nonnegative()

export const JoinRequest = z.strictObject({
  node: z
    .string()
    .regex(
      /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/,
      'has lower case letters, digits, "-" and ".", at most 63',
    ),
})
/** The node's own token: shown once. */
export const JoinAnswer = z.object({ node: z.string(), cluster: z.string(), token: z.string() })
export type JoinAnswer = z.infer<typeof JoinAnswer>

export const HeldSnapshot = z.strictObject({
  name,
  parent: z.string().nullable(),
  createdAt: z.string(),
  isUserCreated: z.boolean(),
  labels: z.record(z.string(), z.string()),
  sizeBytes,
  consistency: z.enum(['filesystem', 'at-rest', 'crash']),
})
export type HeldSnapshot = z.infer<typeof HeldSnapshot>

export const HeldVolume = z.strictObject({
  name,
  sizeBytes,
  actualSizeBytes: sizeBytes,
  state: z.enum(['attached', 'detached', 'damaged']),
  path: z.string().nullable(),
  createdAt: z.string(),
  snapshots: z.array(HeldSnapshot),
})
export type HeldVolume = z.infer<typeof HeldVolume>

/** All that a node holds. An older one of the same process changes nothing. */
export const Inventory = z.strictObject({
  process: name,
  number: z.int().positive(),
  volumes: z.array(HeldVolume),
})
export type Inventory = z.infer<typeof Inventory>

/** Every 30 s, and when something of it has changed. */
export const Heartbeat = z.strictObject({
  version: z.string(),
  /** Left out: it cannot be looked at now. */
  pool: z
    .strictObject({
      kind: z.string(),
      totalBytes: sizeBytes,
      availableBytes: sizeBytes,
      promisedBytes: sizeBytes,
    })
    .optional(),
  /** Operations under way, by id. */
  running: z.array(z.string()),
  /** Left out: as it was told last. */
  inventory: Inventory.optional(),
})
export type Heartbeat = z.infer<typeof Heartbeat>

/** How to reach a target, for one operation: never written down. */
export const TargetAccess = z.object({
  url: z.string(),
  /** Under the names of Longhorn's credential secret. */
  settings: z.record(z.string(), z.string().optional()),
  /** When they end: whoever needs them longer asks again. Null: they do not end. */
  expiresAt: z.string().nullable(),
})
export type TargetAccess = z.infer<typeof TargetAccess>

export const BeginAnswer = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('go'),
    /** Of operations on a target. */
    access: TargetAccess.nullable(),
  }),
  z.object({
    kind: z.literal('cancelled'),
    /** One that had begun takes back what it left in its target. */
    access: TargetAccess.nullable(),
  }),
  z.object({ kind: z.literal('not-current'), reason: z.string() }),
])
export type BeginAnswer = z.infer<typeof BeginAnswer>

const Credentials = z.object({
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
  sessionToken: z.string(),
})

/** Where a node gets its commands: from the control plane itself, or from a queue of its own, with credentials for that alone. */
export const QueueAnswer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('http') }),
  z.object({
    kind: z.literal('sqs'),
    url: z.url(),
    region: z.string(),
    credentials: Credentials,
    expiresAt: z.iso.datetime(),
    /** While the node has nothing to do: each heartbeat costs requests. */
    idleHeartbeatSeconds: z.int().min(30).max(300),
  }),
])
export type QueueAnswer = z.infer<typeof QueueAnswer>

/** `waitMs`: how long to wait for a first one. */
export const ReceiveRequest = z.strictObject({ waitMs: z.int().min(0).max(20_000) })
export const ReceiveAnswer = z.object({
  messages: z.array(
    z.object({ lease: z.string(), group: z.string(), deduplicationId: z.string(), body: z.string() }),
  ),
})
export const SettleRequest = z.strictObject({ taken: z.array(z.string()), notTaken: z.array(z.string()) })

/** In the order in which they are to be taken; each is read as report.ts has it, whose JSON within JSON no OpenAPI document can tell. */
export const ReportsRequest = z.strictObject({ reports: z.array(z.record(z.string(), z.unknown())).max(100) })

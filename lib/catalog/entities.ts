/**
 * @module entities: what the catalog knows of: the schemas of what is stored, which are those of the domain.
 *
 * Times are ISO 8601 in UTC; sizes are bytes. What comes of a backupstore can be had again from it; the rest is the catalog's own.
 */
import * as z from 'zod'

const name = z.string().min(1)
const time = z.string()
const sizeBytes = z.int().nonnegative()
const labels = z.record(z.string(), z.string())

export const Cluster = z.object({ name, createdAt: time })
export type Cluster = z.infer<typeof Cluster>

export const Node = z.object({
  name,
  cluster: name,
  joinedAt: time,
  /** Of the last heartbeat or report. */
  heardAt: time.nullable(),
  /** Of the agent. */
  version: z.string().nullable(),
  pool: z
    .object({ kind: z.string(), totalBytes: sizeBytes, availableBytes: sizeBytes, promisedBytes: sizeBytes })
    .nullable(),
  /** What it told last of its volumes: a process of the agent, and a number that grows in it. */
  inventory: z.object({ process: z.string(), number: z.int() }).nullable(),
})
export type Node = z.infer<typeof Node>

export const Volume = z.object({
  cluster: name,
  name,
  node: name,
  /** One more each time that it is placed anew: a command for an earlier placement is refused. */
  generation: z.int().positive(),
  sizeBytes,
  actualSizeBytes: sizeBytes,
  /** `missing`: its node is there and does not have it. */
  state: z.enum(['creating', 'restoring', 'detached', 'attached', 'deleting', 'damaged', 'missing']),
  /** Of its device. */
  path: z.string().nullable(),
  /** In which it takes part, by name and by group; neither: the default group. */
  jobs: z.array(z.string()),
  groups: z.array(z.string()),
  /** Where its backups go. */
  target: z.string().nullable(),
  backupVolume: z.string().nullable(),
  createdAt: time,
})
export type Volume = z.infer<typeof Volume>

export const Snapshot = z.object({
  cluster: name,
  volume: name,
  name,
  parent: z.string().nullable(),
  createdAt: time,
  isUserCreated: z.boolean(),
  labels,
  sizeBytes,
  consistency: z.enum(['filesystem', 'at-rest', 'crash']),
})
export type Snapshot = z.infer<typeof Snapshot>

/** What reaches a target: credentials for each operation alone, or for all of them the same. */
export const TargetCredentials = z.object({
  kind: z.enum(['per-operation', 'shared', 'none']),
  reason: z.string(),
  /** Whose STS it was that gave sessions, or refused them: from one that once gave them, nothing less is taken. */
  endpoint: z.string().nullable(),
})
export type TargetCredentials = z.infer<typeof TargetCredentials>

export const Target = z.object({
  name,
  /** `s3://bucket@region/path/`, `nfs://server:/path`, `file:///path/` */
  url: z.string(),
  /** Of a secret, by name, never the secret itself. */
  credential: z.string().nullable(),
  /** Absent: not found out yet. */
  credentials: TargetCredentials.optional(),
  /** A cluster whose nodes alone reach it; null: the control plane does too. */
  reachedBy: z.string().nullable(),
  createdAt: time,
  /** When all of it was looked at last, and what was wrong then. */
  indexedAt: time.nullable(),
  failure: z.string().nullable(),
})
export type Target = z.infer<typeof Target>

/** Of the backupstore. */
export const BackupVolume = z.object({
  target: name,
  name,
  sizeBytes,
  lastBackupName: z.string(),
  lastBackupAt: z.string(),
  createdAt: z.string(),
})
export type BackupVolume = z.infer<typeof BackupVolume>

/** Of the backupstore: committed. */
export const Backup = z.object({
  target: name,
  volume: name,
  name,
  snapshotName: z.string(),
  snapshotCreatedAt: z.string(),
  createdAt: z.string(),
  sizeBytes,
  newlyUploadedBytes: sizeBytes,
  labels,
  isIncremental: z.boolean(),
  /** Why it cannot be restored. */
  obstacle: z.string().nullable(),
})
export type Backup = z.infer<typeof Backup>

/** What a job did for one volume in one minute. */
export const RunOutcome = z.object({
  cluster: name,
  volume: name,
  /** `operation`: it was asked for; what became of it is told where runs are shown. */
  outcome: z.enum(['operation', 'made', 'nothing-new', 'failed', 'cancelled', 'skipped']),
  operationId: z.string().nullable(),
  /** Why it was skipped, or failed. */
  reason: z.string().nullable(),
})

/** Known by job and minute: a doubled tick finds it and goes on with it. */
export const Run = z.object({
  job: name,
  minute: time,
  startedAt: time,
  endedAt: time.nullable(),
  outcomes: z.array(RunOutcome),
  /** How many more volumes took part: a row has no room for their outcomes. Their operations tell. */
  omitted: z.int().min(0).default(0),
})
export type Run = z.infer<typeof Run>

export const Setting = z.object({ name, value: z.json() })
export type Setting = z.infer<typeof Setting>

/** Since when nodes could be heard, and when that was so last. */
export const Listening = z.object({ since: time, at: time })
export type Listening = z.infer<typeof Listening>

/** `join`: good for one node, once. */
export const roles = ['viewer', 'operator', 'admin', 'node', 'join'] as const

export const AccessToken = z.object({
  /** SHA-256 of the token, in hex: the token itself is shown once and kept nowhere. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  name,
  role: z.enum(roles),
  /** Of a node's token. */
  node: z.string().nullable(),
  /** Of a token to join with: the cluster that the node will be of. */
  cluster: z.string().nullable(),
  createdAt: time,
  expiresAt: time.nullable(),
})
export type AccessToken = z.infer<typeof AccessToken>

/** A request that came with an idempotency key: the operation that it made, so that its repetition finds it. */
export const IdempotentRequest = z.object({
  /** SHA-256 of who asked and the key. */
  hash: z.string(),
  /** Of what was asked for: the same key for something else is refused. */
  fingerprint: z.string(),
  operationId: z.string(),
  createdAt: time,
})
export type IdempotentRequest = z.infer<typeof IdempotentRequest>

/**
 * @module exit-codes: what a script learns from how `drover` ended. The tables are complete: tsc fails when a code is missing.
 */
import { LocalServerError, type LocalServerErrorCode } from '#lib/api/local-server.ts'
import { EnrolmentError, type EnrolmentErrorCode } from '#lib/api/node-enrolment.ts'
import { RequestError } from '#lib/api/requests.ts'
import { BackupError, type BackupErrorCode } from '#lib/backup/backup-error.ts'
import { BackupstoreError, type BackupstoreErrorCode } from '#lib/backupstore/backupstore-error.ts'
import { InstallationError, type InstallationErrorCode } from '#lib/installation/installation-error.ts'
import { ObjectStoreError, type ObjectStoreErrorCode } from '#lib/object-store/object-store.ts'
import { TargetError, type TargetErrorCode } from '#lib/target/target-error.ts'
import { VolumeError, type VolumeErrorCode } from '#lib/volume/volume-error.ts'
import { Interrupted } from '../interruption.ts'
import { OperationFailed } from '../operation-failed.ts'
import { UsageError, type UsageErrorCode } from '../usage-error.ts'

export const exits = {
  done: { code: 0, meaning: 'done' },
  failed: { code: 1, meaning: 'failed' },
  usage: { code: 2, meaning: 'wrong usage: options, URLs, names, sizes, or a name that is taken' },
  missing: {
    code: 3,
    meaning:
      'not found: the target, the pool, the volume, the snapshot, the backup, or whatever else was named',
  },
  damaged: {
    code: 4,
    meaning:
      'damaged: verify found bad blocks, a restore had to leave some out, or what a pool recorded is not there',
  },
  busy: { code: 5, meaning: 'locked, attached or in use: detach it, or try again later' },
  noAccess: { code: 6, meaning: 'access denied, or not reachable' },
  interrupted: { code: 130, meaning: 'interrupted' },
} as const
export type Exit = keyof typeof exits

const storeExits: Record<ObjectStoreErrorCode, Exit> = {
  'invalid-key': 'usage',
  'access-denied': 'noAccess',
  'no-bucket': 'missing',
  unreachable: 'noAccess',
  timeout: 'noAccess',
  'no-space': 'failed',
  changed: 'busy',
  'too-large': 'damaged',
  'delete-failed': 'failed',
  failed: 'failed',
}

const backupstoreExits: Record<BackupstoreErrorCode, Exit> = {
  'invalid-name': 'usage',
  'invalid-config': 'damaged',
  'config-too-large': 'damaged',
  unsupported: 'failed',
  'invalid-block': 'damaged',
  'block-missing': 'damaged',
  'volume-missing': 'missing',
  'backup-missing': 'missing',
  'backup-in-progress': 'busy',
  'backup-exists': 'failed',
  locked: 'busy',
  'lock-lost': 'busy',
  'mark-lost': 'failed',
  conflict: 'busy',
}

const backupExits: Record<BackupErrorCode, Exit> = {
  'source-missing': 'missing',
  'source-size': 'usage',
  'source-changed': 'failed',
  'source-failed': 'failed',
  'target-busy': 'busy',
  'target-size': 'usage',
  'target-failed': 'failed',
  'blocks-bad': 'damaged',
  'block-size-changed': 'usage',
  'backup-deleted': 'missing',
  'not-restorable': 'failed',
}

const targetExits: Record<TargetErrorCode, Exit> = {
  'invalid-url': 'usage',
  unsupported: 'usage',
  'invalid-settings': 'usage',
  'no-folder': 'missing',
  'no-secret': 'missing',
  'policy-too-large': 'usage',
  'role-refused': 'noAccess',
  'sts-unavailable': 'failed',
}

const volumeExits: Record<VolumeErrorCode, Exit> = {
  'invalid-name': 'usage',
  'invalid-size': 'usage',
  'no-pool': 'missing',
  'pool-exists': 'usage',
  'pool-busy': 'busy',
  'pool-full': 'failed',
  unsupported: 'usage',
  'volume-exists': 'usage',
  'volume-not-found': 'missing',
  'volume-attached': 'busy',
  'volume-in-use': 'busy',
  'snapshot-exists': 'usage',
  'snapshot-not-found': 'missing',
  'snapshot-in-use': 'busy',
  'not-consistent': 'failed',
  'several-devices': 'damaged',
  'record-damaged': 'damaged',
  'layer-damaged': 'damaged',
  'missing-program': 'failed',
  'host-failed': 'failed',
}

const localServerExits: Record<LocalServerErrorCode, Exit> = {
  'not-readable': 'noAccess',
  damaged: 'failed',
}

const enrolmentExits: Record<EnrolmentErrorCode, Exit> = {
  'not-joined': 'missing',
  'already-joined': 'usage',
  'config-damaged': 'damaged',
  'folder-failed': 'noAccess',
  'token-refused': 'noAccess',
}

const installationExits: Record<InstallationErrorCode, Exit> = {
  'invalid-stack-name': 'usage',
  'no-region': 'usage',
  'no-credentials': 'noAccess',
  'credentials-expired': 'noAccess',
  'credentials-refused': 'noAccess',
  'not-allowed': 'noAccess',
  unreachable: 'noAccess',
  busy: 'busy',
  'not-drover': 'usage',
  protected: 'busy',
  'deletion-failed': 'failed',
  failed: 'failed',
}

/** Of the API's own codes (`lib/api/api-error.ts`), and of requests that had no answer. */
const requestExits: ReadonlyMap<string, Exit> = new Map([
  ['invalid-request', 'usage'],
  ['unauthenticated', 'noAccess'],
  ['forbidden', 'noAccess'],
  ['not-found', 'missing'],
  ['exists', 'usage'],
  ['conflict', 'busy'],
  ['too-large', 'usage'],
  ['unavailable', 'noAccess'],
  ['unreachable', 'noAccess'],
])

/** What an operation may have failed with, somewhere else. */
const operationExits: ReadonlyMap<string, Exit> = new Map(
  [storeExits, backupstoreExits, backupExits, targetExits, volumeExits].flatMap((table) =>
    Object.entries(table),
  ),
)

const usageExits: Record<UsageErrorCode, Exit> = {
  'wrong-usage': 'usage',
  'invalid-label': 'usage',
  'not-confirmed': 'failed',
}

export const exitOf = (error: unknown): Exit => {
  if (error instanceof ObjectStoreError) return storeExits[error.code]
  if (error instanceof BackupstoreError) return backupstoreExits[error.code]
  if (error instanceof BackupError) return backupExits[error.code]
  if (error instanceof TargetError) return targetExits[error.code]
  if (error instanceof VolumeError) return volumeExits[error.code]
  if (error instanceof LocalServerError) return localServerExits[error.code]
  if (error instanceof EnrolmentError) return enrolmentExits[error.code]
  if (error instanceof InstallationError) return installationExits[error.code]
  if (error instanceof RequestError)
    return requestExits.get(error.code) ?? operationExits.get(error.code) ?? 'failed'
  if (error instanceof OperationFailed) return operationExits.get(error.code) ?? 'failed'
  if (error instanceof UsageError) return usageExits[error.code]
  return error instanceof Interrupted ? 'interrupted' : 'failed'
}

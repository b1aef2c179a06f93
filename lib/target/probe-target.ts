/**
 * @module probe-target: whether a backup target answers, and what to do when it does not.
 */
import {
  ObjectStoreError,
  type CallOptions,
  type ObjectStore,
  type ObjectStoreErrorCode,
} from '#lib/object-store/object-store.ts'

export type ProbeResult =
  /** `isEmpty`: no backup volume is there yet, which is how a mistyped path looks. */
  | { reachable: true; isEmpty: boolean }
  | { reachable: false; code: ObjectStoreErrorCode; message: string; hint: string; cause: ObjectStoreError }

/** Where Longhorn keeps backup volumes, below every target (`longhorn backupstore backupstore.go`). */
const volumesFolder = 'backupstore/volumes/'

/** Long enough for one retry over a slow link; a command should not hang on a wrong address. */
const defaultDeadlineMs = 15_000

const hints: Record<ObjectStoreErrorCode, string> = {
  'invalid-key': 'check the path of the target',
  'access-denied':
    'check the keys, and that they allow s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject on the target',
  'no-bucket': 'check the name of the bucket or folder and its region; it is not made by itself',
  unreachable:
    'check the address (AWS_ENDPOINTS), its certificate (AWS_CERT) and the proxy (HTTPS_PROXY, NO_PROXY)',
  timeout: 'check the address (AWS_ENDPOINTS) and that a firewall lets this machine reach it',
  'no-space': 'make room in the target',
  changed: 'try again',
  'too-large': 'check that the target holds a backupstore',
  'delete-failed': 'check that the keys allow s3:DeleteObject',
  failed: 'see the cause',
}

/** One listing of one page: works with the narrowest rights that a restore has. Only what is no answer of the store is thrown. */
export const probeTarget = async (
  store: Pick<ObjectStore, 'list'>,
  options: CallOptions = {},
): Promise<ProbeResult> => {
  try {
    for await (const page of store.list(volumesFolder, {
      deadlineMs: defaultDeadlineMs,
      ...options,
      delimiter: '/',
    })) {
      return { reachable: true, isEmpty: page.folders.length === 0 }
    }
    return { reachable: true, isEmpty: true }
  } catch (error) {
    if (!(error instanceof ObjectStoreError)) throw error
    return {
      reachable: false,
      code: error.code,
      message: error.message,
      hint: error.hint ?? hints[error.code],
      cause: error,
    }
  }
}

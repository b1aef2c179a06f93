/**
 * @module folder-errors: what the file system's error codes mean to an object store. Source: errno(3).
 */
import { BodyError, ownError } from './object-body.ts'
import { ObjectStoreError, type ObjectStoreErrorCode } from './object-store.ts'

const codes: Record<string, ObjectStoreErrorCode> = {
  EACCES: 'access-denied',
  EPERM: 'access-denied',
  EROFS: 'access-denied',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  ENAMETOOLONG: 'invalid-key',
  ETIMEDOUT: 'unreachable',
  EHOSTDOWN: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
}

const hints: Partial<Record<ObjectStoreErrorCode, string>> = {
  'access-denied':
    'check the owner and mode of the folder, the user this runs as, and that it is not mounted read-only',
  'no-space': 'make room on the file system, or raise the quota',
  unreachable: 'check that the file server is up and the mount answers',
}

export const errnoOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** Nothing is there: no such file, or a file where a folder would have to be. */
export const isMissing = (error: unknown): boolean => {
  const errno = errnoOf(error)
  return errno === 'ENOENT' || errno === 'ENOTDIR'
}

/** `what` is for people, as in `read of a/b in file:///x/`. What isn't the file system's stays as it is. */
export const folderError = (what: string, error: unknown): unknown => {
  const errno = errnoOf(error)
  if (error instanceof BodyError) return ownError(error)
  if (error instanceof ObjectStoreError || !errno || !(error instanceof Error)) return error
  const code = codes[errno] ?? 'failed'
  const hint = hints[code]
  return new ObjectStoreError(
    code,
    `${what}: ${error.message}`,
    hint ? { hint, cause: error } : { cause: error },
  )
}

export const noFolder = (root: string, cause: unknown): ObjectStoreError =>
  new ObjectStoreError('no-bucket', `there is no folder ${root}`, {
    hint: 'make the folder, or mount what should be there; it is never made by itself, so that nothing is written below an empty mount point',
    cause,
  })

export const symbolicLink = (path: string): ObjectStoreError =>
  new ObjectStoreError('failed', `${path} is or lies below a symbolic link`, {
    hint: 'links inside a backup folder are not followed; put the files themselves there, or mount what the link points to',
  })

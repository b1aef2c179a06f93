/**
 * @module object-key: which keys every adapter takes, so that what works on a folder works on S3 and back.
 */
import { maxKeysPerDelete, ObjectStoreError } from './object-store.ts'

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html */
const maxKeyBytes = 1024

const isBadPart = (part: string): boolean => part === '' || part === '.' || part === '..'

const faultOf = (key: string, parts: readonly string[]): string | undefined => {
  if (parts.some(isBadPart)) return 'is empty, absolute, or has a part that is empty, "." or ".."'
  if (key.includes('\0')) return 'has a NUL in it'
  if (!key.isWellFormed()) return 'is not Unicode'
  if (Buffer.byteLength(key) > maxKeyBytes) return `is longer than ${maxKeyBytes} bytes`
  return undefined
}

const refuse = (kind: 'key' | 'prefix', key: string, fault: string | undefined): void => {
  if (!fault) return
  throw new ObjectStoreError('invalid-key', `object ${kind} ${JSON.stringify(key.slice(0, 200))} ${fault}`)
}

/** @throws ObjectStoreError `invalid-key`. */
export const checkKey = (key: string): void => refuse('key', key, faultOf(key, key.split('/')))

/** A prefix may be empty, and its last part may be any beginning of a name. @throws ObjectStoreError `invalid-key`. */
export const checkPrefix = (prefix: string): void =>
  refuse('prefix', prefix, faultOf(prefix, prefix.split('/').slice(0, -1)))

/** @throws ObjectStoreError `invalid-key`, or `failed` for more keys than one request takes. */
export const checkKeysToDelete = (keys: readonly string[]): void => {
  if (keys.length > maxKeysPerDelete) {
    throw new ObjectStoreError('failed', `${keys.length} keys in one delete, the most is ${maxKeysPerDelete}`)
  }
  for (const key of keys) checkKey(key)
}

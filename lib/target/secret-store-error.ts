import { CodedError } from '#lib/base/errors.ts'

export type SecretStoreErrorCode =
  | 'invalid-name' // not one that a secret may have
  | 'open-to-others' // the file of secrets can be read by more than its owner
  | 'damaged' // the file of secrets is none

/** Never with a value, nor with a cause that may quote one. */
export class SecretStoreError extends CodedError<SecretStoreErrorCode> {}

import { CodedError } from '#lib/base/errors.ts'

export type SecretStoreErrorCode =
  | 'invalid-name' // not one that a secret may have
  | 'open-to-others' // the file of secrets can be read by more than its owner
  | 'damaged' // the file of secrets, or a secret, is none
  | 'too-large' // more than a secret may hold
  | 'access-denied' // whoever asked may not, or is not known
  | 'throttled' // asked too often, and asking again did not help
  | 'failed' // any other refusal, or no answer

/** Never with a value, nor with a cause that may quote one. */
export class SecretStoreError extends CodedError<SecretStoreErrorCode> {}

import { CodedError } from '#lib/base/errors.ts'

export type StandaloneErrorCode =
  | 'in-use' // another service has the data folder
  | 'no-listen' // the address cannot be listened on
  | 'pool-not-mounted' // there is an image of a pool, and it cannot be mounted
  | 'wrong-usage' // an option that cannot be

export class StandaloneError extends CodedError<StandaloneErrorCode> {}

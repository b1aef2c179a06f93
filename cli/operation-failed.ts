import { CodedError } from '#lib/base/errors.ts'

/** An operation of the service came to another end than its success. The code is its failure's, or `cancelled`. */
export class OperationFailed extends CodedError<string> {}

import { CodedError, type CodedErrorOptions } from '#lib/base/errors.ts'

export type ApiErrorCode =
  | 'invalid-request' // what was sent is not what the route takes; `fields` says where
  | 'unauthenticated' // no token, or not one that is known, or one that has expired
  | 'forbidden' // the token's role may not do this
  | 'not-found' // there is no such thing
  | 'exists' // something of that name is there
  | 'conflict' // what is there does not allow it now
  | 'too-large' // a body beyond the limit
  | 'unavailable' // what was needed does not answer; try again
  | 'internal' // a fault of the service: its log says more

/** One that is wrong, by its path: `parameters.sizeBytes`. */
export interface FieldFault {
  field: string
  message: string
}

export class ApiError extends CodedError<ApiErrorCode> {
  readonly fields: readonly FieldFault[]

  constructor(
    code: ApiErrorCode,
    message: string,
    options: CodedErrorOptions & { fields?: FieldFault[] } = {},
  ) {
    super(code, message, options)
    this.fields = options.fields ?? []
  }
}

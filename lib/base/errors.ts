/**
 * @module errors: the one class that every capability's errors extend.
 *
 * A capability adds one line, `class TargetError extends CodedError<TargetErrorCode> {}`, and one comment for each code.
 * Messages say what failed, on what, in lower case; `hint` says what an operator can do about it; `cause` is kept.
 */
export interface CodedErrorOptions {
  hint?: string
  cause?: unknown
}

export abstract class CodedError<Code extends string> extends Error {
  readonly code: Code
  readonly hint: string | undefined

  constructor(code: Code, message: string, options: CodedErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.name = new.target.name
    this.code = code
    this.hint = options.hint
  }
}

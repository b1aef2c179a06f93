import { CodedError } from '#lib/base/errors.ts'

export type FunctionErrorCode =
  | 'unreadable-event' // not of the shape that wakes this function
  | 'incomplete' // some of what an event asked for was not done: it is to come again
  | 'not-set' // something that the template sets is missing in its environment
  | 'unsupported' // an operation of a kind that the control plane does not perform

export class FunctionError extends CodedError<FunctionErrorCode> {}

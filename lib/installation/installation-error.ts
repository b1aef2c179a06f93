import { CodedError } from '#lib/base/errors.ts'

export type InstallationErrorCode =
  | 'invalid-stack-name' // CloudFormation has no stacks of such names
  | 'no-region' // none was given, and neither environment nor profile has one
  | 'no-credentials' // nowhere that the SDK looks
  | 'credentials-expired'
  | 'credentials-refused' // AWS does not know them, or their signature is wrong
  | 'not-allowed' // known, and without the permission
  | 'unreachable' // no answer
  | 'busy' // throttled, or CloudFormation is at work on the stack
  | 'not-drover' // a stack that is none of ours
  | 'protected' // its termination protection is on
  | 'deletion-failed' // CloudFormation could not delete some of it
  | 'failed' // whatever else AWS answers

export class InstallationError extends CodedError<InstallationErrorCode> {}

import { CodedError } from '#lib/base/errors.ts'

export type TargetErrorCode =
  | 'invalid-url' // a backup target or backup URL that breaks the grammar of its scheme
  | 'unsupported' // a sound URL of a kind of target that cannot be opened here: NFS by URL, CIFS, Azure
  | 'invalid-settings' // credentials or other settings of a target that cannot be right: all faults in one error, never their values
  | 'no-folder' // the folder of a file target is not there, or is no folder
  | 'no-secret' // the target names a secret that is not there
  | 'policy-too-large' // names so long that the policy of an operation's credentials has no room for them
  | 'role-refused' // the role of a target may not be assumed; or a store refuses sessions that it gave before
  | 'sts-unavailable' // no answer of the service that gives sessions, or too many asked it: it may come right by itself

export class TargetError extends CodedError<TargetErrorCode> {}

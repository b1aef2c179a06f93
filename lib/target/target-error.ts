import { CodedError } from '#lib/base/errors.ts'

export type TargetErrorCode =
  | 'invalid-url' // a backup target or backup URL that breaks the grammar of its scheme
  | 'unsupported' // a sound URL of a kind of target that cannot be opened here: NFS by URL, CIFS, Azure
  | 'invalid-settings' // credentials or other settings of a target that cannot be right: all faults in one error, never their values
  | 'no-folder' // the folder of a file target is not there, or is no folder

export class TargetError extends CodedError<TargetErrorCode> {}

import { CodedError } from '#lib/base/errors.ts'

export type VolumeErrorCode =
  | 'invalid-name' // a volume's or snapshot's name that Longhorn would refuse
  | 'invalid-size' // a size that no volume can have, or smaller than it is
  | 'no-pool' // the folder is no pool
  | 'pool-exists' // the folder is a pool already, or not empty
  | 'pool-busy' // another process, as the node's agent, has the pool
  | 'pool-full' // what was asked for could make a volume's own writes fail for want of room
  | 'unsupported' // this machine or file system cannot do it
  | 'volume-exists'
  | 'volume-not-found'
  | 'volume-attached' // it must be detached for this
  | 'volume-in-use' // its device is mounted, published or open
  | 'snapshot-exists'
  | 'snapshot-not-found'
  | 'snapshot-in-use' // a backup is reading it
  | 'not-consistent' // the file system could not be kept frozen for as long as the snapshot took
  | 'several-devices' // more than one loop device on one volume: writing to both would destroy it
  | 'record-damaged' // a record that cannot be read: nothing is guessed
  | 'layer-damaged' // a volume's or snapshot's file is missing or has another size
  | 'missing-program' // a program of the system that is needed is not installed
  | 'host-failed' // a program or system call failed; the cause has it

export class VolumeError extends CodedError<VolumeErrorCode> {}

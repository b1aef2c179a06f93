/**
 * @module pool-driver: the port to what a file system can do for a pool. Contract: pool-driver.contract.ts.
 *
 * A layer is one image of a volume, the head or a snapshot: a folder with a file `volume.img`. Whether a layer exists for
 * anybody is said by the volume's record, so nothing here needs to be atomic; what is called again finishes.
 */
import { join } from 'node:path'
import type { Extent } from './extents.ts'

export const poolKinds = ['btrfs', 'xfs', 'copy'] as const
export type PoolKind = (typeof poolKinds)[number]

export const imageOf = (layer: string): string => join(layer, 'volume.img')

export interface PoolDriver {
  readonly kind: PoolKind
  /** Whether a clone is the content of one moment though writes go on. If not, they must be held off while it is made. */
  readonly clonesOneMoment: boolean
  /** Whether a clone takes no room of its own at first. */
  readonly sharesBlocks: boolean
  /** Once, for the folder in which all volumes will be. */
  prepare(folder: string): Promise<void>
  /** A new layer of zeros. */
  makeLayer(layer: string, sizeBytes: number): Promise<void>
  /** Not on the disk before `settleLayer`. */
  cloneLayer(from: string, to: string, options: { isReadOnly: boolean }): Promise<void>
  settleLayer(layer: string): Promise<void>
  /** Nothing, or half a layer, is fine. */
  removeLayer(layer: string): Promise<void>
  /** Another content never has it again, not even after a copy of the pool: what tells that a layer is still the one it was. */
  identityOf(layer: string): Promise<string>
  /**
   * What of `layer` may differ from `base`, both at rest, in units of 4 KiB, ascending: never less than what does differ. What
   * lies beyond the end of `base` was zeros. @throws VolumeError `layer-damaged`.
   */
  changedExtents(base: string, layer: string): AsyncIterable<Extent>
  /** Bytes that only this layer has, so that its removal frees them; what `copy` does not share is all its own. */
  ownBytes(layer: string): Promise<number>
}

/**
 * @module image-file: what the file system says of a layer's file.
 */
import type { BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { VolumeError } from './volume-error.ts'

/** @throws VolumeError `layer-damaged`. */
export const statImage = (path: string): Promise<BigIntStats> =>
  stat(path, { bigint: true }).catch((cause: unknown) => {
    throw new VolumeError('layer-damaged', `cannot read ${path}`, { cause })
  })

/** What `stat` counts blocks in, whatever the file system's are. */
const statBlockBytes = 512

/** Bytes on the disk, shared or not. */
export const allocatedBytes = async (path: string): Promise<number> =>
  (await stat(path)).blocks * statBlockBytes

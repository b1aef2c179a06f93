/**
 * @module changed-extents: what of two layers may differ, from where the file system keeps them.
 *
 * The file system may move blocks while it is asked (balance, defragmentation). So the first list is asked for again after the
 * second: if it is another now, once more; and at last both files are read instead.
 */
import { open } from 'node:fs/promises'
import { changedFile } from './changed-content.ts'
import { changedExtents, isShared, sameExtents, type Extent } from './extents.ts'
import { physicalExtents, type PhysicalExtent } from './linux-system-calls.ts'
import { imageOf } from './pool-driver.ts'
import { VolumeError } from './volume-error.ts'

const layerSize = async (path: string): Promise<number> => {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new VolumeError('layer-damaged', `cannot read ${path}`, { cause })
  })
  try {
    return (await file.stat()).size
  } finally {
    await file.close()
  }
}

const extentsOf = async (path: string): Promise<PhysicalExtent[]> => {
  const file = await open(path, 'r')
  try {
    const extents: PhysicalExtent[] = []
    for await (const extent of physicalExtents(file.fd, path)) extents.push(extent)
    return extents
  } finally {
    await file.close()
  }
}

const looks = 3

/** @throws VolumeError `layer-damaged`. */
export const changedByPlace = async function* (base: string, layer: string): AsyncGenerator<Extent> {
  const [basePath, path] = [imageOf(base), imageOf(layer)]
  await layerSize(basePath)
  const sizeBytes = await layerSize(path)
  let before = await extentsOf(basePath)
  for (let look = 1; look <= looks; look++) {
    const after = await extentsOf(path)
    const again = await extentsOf(basePath)
    if (sameExtents(before, again)) {
      yield* changedExtents(before, after, sizeBytes)
      return
    }
    before = again
  }
  yield* changedFile(basePath, path, sizeBytes)
}

/** @throws VolumeError `layer-damaged`. */
export const changedByContent = async function* (base: string, layer: string): AsyncGenerator<Extent> {
  await layerSize(imageOf(base))
  yield* changedFile(imageOf(base), imageOf(layer), await layerSize(imageOf(layer)))
}

/** Bytes of a file that it shares with no other. */
export const ownBytesOf = async (path: string): Promise<number> => {
  const extents = await extentsOf(path)
  return extents.reduce((sum, extent) => sum + (isShared(extent) ? 0 : extent.lengthBytes), 0)
}
